/// Who takes part.
enum Contender: Int {
  case weir
  /// With records coded as differences.
  case weirDelta
  case sqlite
  case lmdb
  case limit

  static var all: [Contender] { [.weir, .weirDelta, .sqlite, .lmdb, .limit] }

  var title: String {
    switch self {
    case .weir: "weir"
    case .weirDelta: "weir, delta coding"
    case .sqlite: "SQLite, WAL, FULL"
    case .lmdb: "LMDB"
    case .limit: "O_DSYNC, the limit"
    }
  }
}

/// Why the benchmark could not go on.
enum BenchFailure: Error {
  case failed(String)
}
