/// Which columns fit a terminal, and how wide each is.
struct Layout {
  enum Kind: CaseIterable {
    case name
    case value
    case unit
    case age
    case rate
    case state
    case graph
  }

  struct Column {
    var kind: Kind
    var width: Int
    /// Numbers stand at the right of their column.
    var isRightAligned: Bool
    var title: String

    /// The text in the column's width, and two spaces after it.
    func padded(_ text: String) -> String {
      let shown = text.count > width ? text.prefix(width - 1) + "…" : text[...]
      let space = String(repeating: " ", count: width - shown.count)
      return (isRightAligned ? space + shown : shown + space) + "  "
    }
  }

  private(set) var columns: [Column] = []

  /// The least and the greatest width of a graph that says something.
  static let graphWidthMin = 8
  static let graphWidthMax = ChannelState.historyCountMax

  init(nameWidth: Int, unitWidth: Int, width: Int) {
    var all = [
      Column(
        kind: .name, width: min(max(nameWidth, 7), max(width - 14, 7)), isRightAligned: false,
        title: "CHANNEL"),
      Column(kind: .value, width: 11, isRightAligned: true, title: "VALUE"),
      Column(
        kind: .unit, width: min(max(unitWidth, 4), 12), isRightAligned: false, title: "UNIT"),
      Column(kind: .age, width: 6, isRightAligned: true, title: "AGE"),
      Column(kind: .rate, width: 8, isRightAligned: true, title: "RATE"),
      Column(kind: .state, width: 12, isRightAligned: false, title: "STATE"),
      Column(
        kind: .graph, width: Self.graphWidthMin, isRightAligned: false, title: "LAST"),
    ]
    // What goes first when there is no room.
    let expendable: [Kind] = [.rate, .graph, .unit, .state, .age]
    for kind in expendable where Self.width(of: all) > width {
      all.removeAll { $0.kind == kind }
    }
    if let last = all.last, last.kind == .graph {
      let room = width - Self.width(of: all)
      all[all.count - 1].width = min(Self.graphWidthMin + max(room, 0), Self.graphWidthMax)
    }
    columns = all
  }

  /// The titles, as a line.
  var heading: Line {
    Line(columns.map { $0.padded($0.title) }.joined(), .dim)
  }

  /// All columns with the two spaces between them.
  private static func width(of columns: [Column]) -> Int {
    columns.reduce(-2) { $0 + $1.width + 2 }
  }
}
