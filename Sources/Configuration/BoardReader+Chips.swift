extension BoardSchema {
  /// As many lines as any SoC's GPIO block is likely to have.
  private static let lineCountMax: Int64 = 1024
  private static let chipKeys = ["label", "lines", "names", "simulated"]

  /// Reads `gpio:`, one map for each chip.
  mutating func readChips(_ node: Int) {
    guard let entries = reader.entries(node, "gpio") else { return }
    for entry in entries {
      guard let name = reader.name(entry.key, "the chip's name"),
        let fields = reader.fields(entry.value, "gpio.\(name)", keys: Self.chipKeys)
      else { continue }
      guard let countNode = fields.value("lines") else {
        reader.error(
          entry.key,
          "'gpio.\(name)' has no 'lines:'; expected their number; write for example "
            + "'lines: 54'")
        continue
      }
      guard let count = reader.integer(countNode, "'lines'", in: 1...Self.lineCountMax) else {
        continue
      }
      var chip = BoardChip(name: name, label: "", lineCount: UInt32(count))
      if let node = fields.value("label") {
        chip.label =
          reader.text(
            node, "'label'", expected: "the kernel's label of the chip",
            example: "pinctrl-bcm2835", limit: 80) ?? ""
      }
      if let node = fields.value("names") { readNames(node, &chip) }
      if let node = fields.value("simulated") { readSimulatedLines(node, &chip) }
      if fields.value("label") == nil, fields.value("simulated") == nil {
        reader.error(
          entry.key,
          "'gpio.\(name)' has neither 'label' nor 'simulated'; expected one of them; "
            + "write for example 'label: pinctrl-bcm2835'")
        continue
      }
      board.chips.append(chip)
    }
  }

  private mutating func readNames(_ node: Int, _ chip: inout BoardChip) {
    guard let entries = reader.entries(node, "names") else { return }
    let last = Int64(chip.lineCount) - 1
    for entry in entries {
      guard let name = reader.name(entry.key, "the line's name"),
        let offset = reader.integer(entry.value, "'\(name)'", in: 0...last)
      else { continue }
      chip.lines.append((name, UInt32(offset)))
    }
  }

  private mutating func readSimulatedLines(_ node: Int, _ chip: inout BoardChip) {
    let example = "[{line: 0, hertz: 5}]"
    guard let items = reader.items(node, "'simulated'", example: example, limit: 64) else { return }
    let last = Int64(chip.lineCount) - 1
    for item in items {
      guard let fields = reader.fields(item, "simulated", keys: ["line", "hertz"]) else { continue }
      guard let lineNode = fields.value("line"), let hertzNode = fields.value("hertz") else {
        reader.refuse(
          item, "this line", expected: "'line' and 'hertz'", remedy: "write for example \(example)")
        continue
      }
      guard let line = reader.integer(lineNode, "'line'", in: 0...last),
        let hertz = reader.amount(hertzNode, "'hertz'")
      else { continue }
      chip.simulated.append((UInt32(line), hertz))
    }
  }
}
