import Testing

@testable import Configuration

/// A text, and the beginnings of all the problems that it must give: `LINE:COLUMN: error: …`.
struct Case: CustomTestStringConvertible, Sendable {
  var text: String
  var problems: [String]

  var testDescription: String { problems.first ?? text }

  /// Whether an error is among the problems.
  var isError: Bool { problems.contains { $0.contains(": error: ") } }

  /// Compares the problems that were found with those that are expected, and checks the form of
  /// each.
  func check(_ found: [Problem], file: String = "gateway.yaml") {
    let lines = texts(found)
    #expect(lines.count == problems.count, "\(lines)")
    for (line, expected) in zip(lines, problems) {
      let start = "\(file):\(expected)"
      #expect(line.hasPrefix(start), "found    \(line)\nexpected \(start)")
    }
    for problem in found {
      checkPlace(problem)
      #expect(!problem.message.contains("\n"))
      #expect(problem.message.contains("; "), "no remedy: \(problem.message)")
      #expect(problem.message.contains("expected"), "nothing expected: \(problem.message)")
    }
  }

  /// Where a message begins with a quoted value or an unknown key, that stands at its place.
  private func checkPlace(_ problem: Problem) {
    let message = problem.message
    let quoted: Substring? =
      message.firstMatch(of: /^'[a-z_]+' is '([^']+)'/)?.1
      ?? message.firstMatch(of: /^unknown key '([^']+)'/)?.1
    guard let quoted, !problem.source.isEmpty else { return }
    let found = problem.source.dropFirst(problem.column - 1)
    let isThere = found.hasPrefix(quoted) || found.dropFirst().hasPrefix(quoted)
    #expect(isThere, "column \(problem.column) of '\(problem.source)' is not '\(quoted)'")
  }
}

/// Reads a table of cases: `> ` begins a line of the text, `! ` a problem, `~ ` goes on with it, an
/// empty line ends the case.
func cases(_ table: String) -> [Case] {
  var cases: [Case] = []
  for block in table.split(separator: "\n\n") {
    var text: [Substring] = []
    var problems: [String] = []
    for line in block.split(separator: "\n", omittingEmptySubsequences: false) {
      switch line.prefix(2) {
      case "> ", ">": text.append(line.dropFirst(2))
      case "! ": problems.append(String(line.dropFirst(2)))
      case "~ ": problems[problems.count - 1] += " " + line.dropFirst(2)
      default: preconditionFailure("a case has the line '\(line)'")
      }
    }
    cases.append(Case(text: text.joined(separator: "\n"), problems: problems))
  }
  precondition(!cases.isEmpty)
  return cases
}

/// Three sound lines.
let head = "device: d\nuplink: {broker: 'mqtt://h'}\nstate: /s\n"
