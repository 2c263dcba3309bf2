// Invariants checked:
// - damage to the text of one section costs that section only, before and after it;
// - bytes that are not text are reported at their place, and the rest is read;
// - every limit holds at its boundary: the largest is read, one more is refused;
// - no mutation of a good file traps or hangs, whatever it does to the result.

import Linux
import Testing

@testable import Configuration

@Suite struct Damage {
  @Test func syntaxErrorsCostTheirSectionOnly() {
    let result = read(
      """
      device: d
      sensors:
        t: {driver: tmp105, bus: i2c-1, address: 0x48, every: 1 s, temperature: {}
      uplink:
      \tbroker: mqtt://h
      lines:
        k: {line: GPIO22, mode: edges}
      network:
        address: 192.0.2.7/24
        dns: [192.0.2.1]
      state: "/s
      """)
    #expect(
      result.problems.map { "\($0.line):\($0.column)" } == ["3:6", "5:1", "11:8"],
      "\(texts(result.problems))")
    #expect(result.configuration.device == "d")
    #expect(result.configuration.network.address == "192.0.2.7/24")
    #expect(result.configuration.network.nameServers == ["192.0.2.1"])
    #expect(result.configuration.lines.count == 1)
    #expect(result.configuration.sensors.isEmpty)
    #expect(result.configuration.uplink.host.isEmpty)
  }

  @Test func theNetworkSurvivesAnywhere() {
    let network = "network:\n  address: 192.0.2.7/24\n  dns: [192.0.2.1]\n"
    let broken = [
      "sensors:\n  a: [\n", "uplink: {a: 'b\n", "lines:\n - a\n b: c\n", "@: 1\n", "a\n",
    ]
    for damage in broken {
      for text in [damage + network, network + damage, "device: d\n" + damage + network + damage] {
        let result = read(text)
        #expect(result.configuration.network.address == "192.0.2.7/24", "\(text)")
        #expect(result.hasErrors)
      }
    }
  }

  @Test func notUTF8() {
    var bytes = Array("device: d # W".utf8)
    bytes += [0xe4] + Array("rme\nuplink: {broker: mqtt://h}\nlines: {}\n".utf8)
    let result = readConfiguration(bytes, name: "g", board: Samples.board)
    #expect(
      texts(result.problems) == [
        "g:1:14: error: this byte (0xE4) is not UTF-8; expected UTF-8 text; save the file with the "
          + "encoding UTF-8"
      ])
    #expect(result.configuration.uplink.host == "h")
    let bell = read("device: d\nlines: {} # ä\u{7}\nuplink: {broker: mqtt://h}\n")
    #expect(
      texts(bell.problems) == [
        "gateway.yaml:2:14: error: the character U+07 is not allowed; expected printable text; "
          + "remove it"
      ])
  }

  @Test func notText() {
    func problems(_ bytes: [UInt8]) -> [String] {
      texts(readConfiguration(bytes, name: "g", board: nil).problems)
    }
    let empty =
      "g:1:1: error: the file is empty; expected at least 'device:' and 'sensors:'; write "
      + "one as the README shows"
    #expect(problems([]) == [empty])
    #expect(problems(Array(" \n\r\n".utf8)) == [empty])
    #expect(problems([0xef, 0xbb, 0xbf]) == [empty])
    #expect(
      problems([0xff, 0xfe, 0x64, 0])[0].hasPrefix("g:1:1: error: the file is UTF-16; expec"))
    #expect(
      problems([0x7f, 0x45, 0x4c, 0x46, 0])[0].hasPrefix("g:1:1: error: this is not a text f"))
    #expect(problems(Array("# a comment\n".utf8)).count == 3)
  }

  @Test func filesThatCannotBeRead() {
    func problems(_ path: String) -> [String] {
      texts(readConfiguration(path: path, board: nil).problems)
    }
    #expect(
      problems("/nowhere/g.yaml")[0].hasPrefix("/nowhere/g.yaml: error: there is no such file;"))
    #expect(
      problems("/tmp")[0].hasPrefix("/tmp: error: this is a directory; expected a file; give"))
    #expect(readBoard(path: "/nowhere/b.yaml").board == nil)
    let result = readConfiguration(path: "/nowhere", board: Samples.board)
    #expect(result.configuration.device == "weir")
    #expect(result.configuration.network.interface == "eth0")
    #expect(result.configuration.uplink.host.isEmpty)
  }

  @Test func limits() {
    let start = "device: d\nuplink: {broker: 'mqtt://h'}\nlines: {}\n"
    func first(_ text: String) -> String { texts(read(text).problems).first ?? "" }
    let comment = String(repeating: "#", count: Source.byteCountMax - start.utf8.count)
    #expect(first(start + comment) == "")
    #expect(
      first(start + comment + "#").hasPrefix("gateway.yaml: error: the file is larger than 256"))
    let deep = TreeLimit.depth - 1
    func nested(_ depth: Int) -> String {
      start + "x: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(first(nested(deep)).hasPrefix("gateway.yaml:4:1: error: unknown key 'x'"))
    #expect(
      first(nested(deep + 1)).hasPrefix("gateway.yaml:4:19: error: this is nested more than 16"))
    func long(_ count: Int) -> String { start + "x: " + String(repeating: "a", count: count) }
    #expect(first(long(8192)).hasPrefix("gateway.yaml:4:1: error: unknown key"))
    #expect(first(long(8193)).hasPrefix("gateway.yaml:4:4: error: this text is longer than 8192 b"))
    func many(_ count: Int) -> String {
      start + "x: [" + String(repeating: "a,", count: count) + "]"
    }
    #expect(first(many(1024)).hasPrefix("gateway.yaml:4:1: error: unknown key"))
    #expect(first(many(1025)).hasPrefix("gateway.yaml:4:2053: error: there are more than 1024 ent"))
    #expect(
      first("device: " + String(repeating: "d", count: 64) + "\n" + start.dropFirst(10)) == "")
    #expect(
      first("device: " + String(repeating: "d", count: 65) + "\n" + start.dropFirst(10))
        .hasSuffix("shorten it"))
  }

  @Test func aliasBombsAreRefused() {
    var text = "device: d\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...9 {
      let aliases = (0..<10).map { _ in "*a\(level - 1)" }.joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    let problem = read(text).problems.first { $0.message.contains("aliases") }
    #expect(problem?.message.hasPrefix("the aliases stand for more than 20000 values") == true)
  }

  @Test func channelsAndStages() {
    func lines(_ count: Int) -> ConfigurationResult {
      var board = Samples.board
      board.chips[0].lineCount = 1000
      let entries = (0..<count).map { "  l\($0): {line: header/\($0), mode: edges}\n" }
      return read(head + "lines:\n" + entries.joined(), board: board)
    }
    let most = lines(channelCountMax)
    #expect(most.problems.isEmpty && most.configuration.lines.count == channelCountMax)
    let more = lines(channelCountMax + 1)
    #expect(more.configuration.lines.count == channelCountMax)
    #expect(
      texts(more.problems) == [
        "gateway.yaml:261:3: error: this is channel number 257; expected at most 256; remove some"
      ])
    for (count, isFine) in [(stageCountMax, true), (stageCountMax + 1, false)] {
      let stages = Array(repeating: "{median: 3}", count: count).joined(separator: ", ")
      let sensor = "driver: thermal, every: 1 s, temperature: {stages: [\(stages)]}"
      let result = read(head + "sensors: {t: {\(sensor)}}\n")
      #expect(result.problems.isEmpty == isFine && result.hasErrors == !isFine)
    }
  }

  @Test func manyProblemsEndInOne() {
    let text = head + (0..<500).map { "k\($0): 1\n" }.joined()
    let problems = read(text).problems
    #expect(problems.count == problemCountMax + 1)
    #expect(problems.last?.message.hasPrefix("there are more than 100 problems") == true)
  }

  @Test func mutationsNeverTrap() {
    // 64-bit xorshift: the same mutations on every machine and in every run.
    var seed: UInt64 = 0x5eed_0001
    var inserts = "{}[]:,&*!|>'\"%@`\n\t -#?~<\u{0}".utf8.map { $0 }
    inserts += [0x80, 0xc3, 0xff, 0xe2]
    let good = Array(Samples.gateway.utf8)
    let board = Array(Samples.boardText.utf8)
    let start = Clock.monotonic()
    for round in 0..<20_000 {
      func next(_ bound: Int) -> Int {
        seed ^= seed << 13
        seed ^= seed >> 7
        seed ^= seed << 17
        return Int(seed % UInt64(bound))
      }
      let isBoard = round % 4 == 0
      // A window of the file, mostly: short texts are parsed faster and reach more odd states.
      var bytes = isBoard ? board : good
      if round % 32 != 1 { bytes = Array(bytes[next(bytes.count)...].prefix(300)) }
      for _ in 0...next(4) where !bytes.isEmpty {
        let index = next(bytes.count)
        switch next(5) {
        case 0: bytes[index] = UInt8(next(256))
        case 1: bytes.insert(inserts[next(inserts.count)], at: index)
        case 2: bytes.remove(at: index)
        case 3: bytes.removeSubrange(index..<min(index + next(20), bytes.count))
        default: bytes.insert(contentsOf: bytes[index...].prefix(next(40)), at: next(bytes.count))
        }
      }
      if isBoard {
        _ = readBoard(bytes, name: "b")
      } else {
        let result = readConfiguration(bytes, name: "g", board: Samples.board)
        let isBounded =
          result.configuration.channels.count <= channelCountMax
          && result.problems.count <= problemCountMax + Source.badCharacterCountMax + 1
          && result.problems.allSatisfy { !$0.textWithSource.isEmpty }
        // An expectation for each round would cost more than what it checks.
        if !isBounded { Issue.record("round \(round), state \(seed): \(texts(result.problems))") }
      }
    }
    // A hang would be far longer; a slow machine with sanitizers needs some tens of seconds.
    #expect(Clock.monotonic() - start < 300_000_000_000)
  }
}
