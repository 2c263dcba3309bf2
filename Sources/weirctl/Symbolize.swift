import ArgumentParser
import Desk
import Foundation

struct Symbolize: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Say in which function, file and line a gateway's task died.",
    discussion: """
      Reads crash records: messages of the topic weir/DEVICE/crash (mosquitto_sub prints them), \
      what `weir crashes` prints, or the lines of a console. What else is in the text is passed \
      over.

      The debug file must be of the same build as the program that crashed: both have a build id.

      The exit status is 0 when every crash was symbolized, and 1 when there was none, or one \
      could not be.
      """)

  @Option(help: "The file with the symbols (default: that of the same build in .out).")
  var debug: String?

  @Option(help: "Another llvm-symbolizer than the one on PATH or beside Swift.")
  var symbolizer: String?

  @Argument(help: "The file with the crash records; - for standard input.")
  var file = "-"

  func run() throws {
    do throws(SymbolFailure) {
      try symbolizeAll()
    } catch {
      FileHandle.standardError.write(Data("weirctl symbolize: \(error.text)\n".utf8))
      throw ExitCode(1)
    }
  }

  private func symbolizeAll() throws(SymbolFailure) {
    let reports = crashReports(in: try input())
    guard !reports.isEmpty else {
      throw SymbolFailure(
        text: "there is no crash record in \(file == "-" ? "standard input" : file)")
    }
    let tool: Symbolizer
    if let symbolizer { tool = Symbolizer(path: symbolizer) } else { tool = try .find() }
    let folder = FileManager.default.currentDirectoryPath
    for (index, report) in reports.enumerated() {
      let symbols: DebugFile
      if let debug {
        symbols = try DebugFile(debug)
      } else {
        symbols = try .find(build: report.buildID, in: ".out")
      }
      let frames = try tool.symbolize(report, symbols)
      if index > 0 { print() }
      for line in crashTrace(report, frames, folder: folder) { print(line) }
    }
  }

  private func input() throws(SymbolFailure) -> String {
    if file == "-" {
      return String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
    }
    guard let data = FileManager.default.contents(atPath: file) else {
      throw SymbolFailure(text: "\(file) can't be read")
    }
    return String(decoding: data, as: UTF8.self)
  }
}
