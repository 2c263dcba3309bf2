import ArgumentParser

@main
struct Weirctl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weirctl", abstract: "What a person at a desk needs of a Weir gateway.")
}
