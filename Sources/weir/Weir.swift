import Linux

@main
struct Weir {
  static func main() {
    writeStandardOutput("weir\n")
  }
}
