// Invariants checked, of the sources themselves:
// - the top level holds the six things of the house, and dotfiles;
// - no line of Swift, C or shell, but the rows of tables, is longer than 100 columns, ends in a
//   space or holds a tab;
// - no function of the product is longer than 70 lines;
// - every module of the product opens, in one of its files, with what it is for.

import Foundation
import Testing

private let root = URL(fileURLWithPath: #filePath)
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

private struct SourceFile {
  let path: String
  let lines: [String]
}

/// The files below `folders` whose names end in one of `extensions`; of scripts, those without one.
private func files(in folders: [String], extensions: Set<String>) -> [SourceFile] {
  var files: [SourceFile] = []
  for folder in folders {
    let start = root.appendingPathComponent(folder)
    guard let walk = FileManager.default.enumerator(atPath: start.path) else { continue }
    for case let name as String in walk where !name.contains(".build") {
      let url = start.appendingPathComponent(name)
      guard extensions.contains(url.pathExtension),
        let text = try? String(contentsOf: url, encoding: .utf8)
      else { continue }
      files.append(
        SourceFile(path: "\(folder)/\(name)", lines: text.components(separatedBy: "\n")))
    }
  }
  return files
}

@Suite struct TidyTests {
  @Test func theTopLevelIsTheHouse() throws {
    let house: Set<String> = [
      "Package.swift", "Sources", "Tests", "boards", "cross", "README.md", "Package.resolved",
    ]
    for name in try FileManager.default.contentsOfDirectory(atPath: root.path)
    where !name.hasPrefix(".") {
      #expect(house.contains(name), "the top level has no room for \(name)")
    }
  }

  @Test func linesAreShortAndClean() {
    let sources =
      files(in: ["Sources", "Tests"], extensions: ["swift", "c", "h", "cpp"])
      + files(in: ["cross", "boards"], extensions: ["", "sh", "py"])
    #expect(sources.count > 20)
    for file in sources {
      for (index, line) in file.lines.enumerated() {
        let place = "\(file.path):\(index + 1)"
        // The rows of a table in a comment can't be broken.
        let isTable = line.contains("// |")
        #expect(line.count <= 100 || isTable, "\(place): \(line.count) columns")
        #expect(!line.hasSuffix(" ") && !line.contains("\t"), "\(place): tab or space at the end")
      }
    }
  }

  @Test func functionsFitAScreen() {
    for file in files(in: ["Sources"], extensions: ["swift"]) {
      // The formatter indents by two, so a function ends at the first brace in its own column.
      var open: (line: Int, indent: Int)?
      for (index, line) in file.lines.enumerated() {
        let indent = line.prefix { $0 == " " }.count
        if let function = open, line.dropFirst(indent) == "}", indent == function.indent {
          let length = index - function.line + 1
          #expect(length <= 70, "\(file.path):\(function.line + 1): \(length) lines")
          open = nil
        }
        if open == nil, line.contains("func ") || line.contains(" init("),
          !line.contains("//"), !line.contains("}")
        {
          open = (index, indent)
        }
      }
    }
  }

  @Test func modulesSayWhatTheyAreFor() throws {
    let sources = root.appendingPathComponent("Sources")
    for module in try FileManager.default.contentsOfDirectory(atPath: sources.path) {
      let swift = files(in: ["Sources/\(module)"], extensions: ["swift"])
      if swift.isEmpty { continue }
      #expect(
        swift.contains { ($0.lines.first ?? "").hasPrefix("// ") },
        "no file of Sources/\(module) opens with what the module is for")
    }
  }
}
