import CLinux

/// The words of the command line after the program's name; what is not UTF-8 is repaired.
public func commandLineArguments() -> [String] {
  var arguments: [String] = []
  for index in 1..<max(1, weir_argument_count()) {
    // Safe: the arguments are terminated strings that live as long as the process.
    unsafe arguments.append(String(cString: weir_argument(index)))
  }
  return arguments
}
