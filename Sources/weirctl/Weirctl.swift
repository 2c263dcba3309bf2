// The program weirctl: what a person at a desk needs of a gateway. Commands only; what they know
// is in the module Desk.

import ArgumentParser

@main
struct Weirctl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weirctl", abstract: "What a person at a desk needs of a Weir gateway.",
    version: "weirctl 0.1",
    subcommands: [
      Watch.self, ReceiveCommand.self, Symbolize.self, TortureCommand.self, Version.self,
    ])
}

struct Version: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Show the version.")

  func run() { print(Weirctl.configuration.version) }
}
