// swift-tools-version: 6.2
import PackageDescription

// One set of sources, two modes. `WEIR_EMBEDDED=1` (set by cross/build) makes the static Embedded
// binary; without it the package is ordinary Swift, for `swift test` and for `weirctl`.
let embedded = Context.environment["WEIR_EMBEDDED"] == "1"

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableExperimentalFeature("RawLayout"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// Every function keeps a frame pointer, also one that calls none: a crash record is made of them.
let framePointers = ["-Xcc", "-fno-omit-frame-pointer", "-Xcc", "-mno-omit-leaf-frame-pointer"]

/// What every module of the product is compiled with. In ordinary mode the Glibc module, which
/// Swift's own libraries import, must see the system's headers with the feature macro of CLinux.h:
/// otherwise the two define the same types differently, and sanitized builds fail.
let product: [SwiftSetting] =
  embedded
  ? strict + [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo"] + framePointers)]
  : strict + [.unsafeFlags(["-Xcc", "-D_GNU_SOURCE"])]

/// The modules that run seldom: small code there is worth more than fast code, also to the compiler,
/// which takes half the time.
let seldom: [SwiftSetting] = embedded ? product + [.unsafeFlags(["-Osize"])] : product

/// The modules on the data path: the compiler refuses every allocation in them.
let dataPath: [SwiftSetting] =
  embedded ? product + [.unsafeFlags(["-no-allocations"])] : product

/// The journal allocates nothing either. In ordinary builds it is optimized all the same: its tests
/// cut the power a hundred thousand times.
let journal: [SwiftSetting] = embedded ? dataPath : product + [.unsafeFlags(["-O"])]

/// The C libraries of the static binary, and what they need themselves. Embedded objects carry no
/// list of libraries, as ordinary ones do from their module maps.
let staticLibraries: [LinkerSetting] =
  embedded
  ? ["mosquitto", "gpiod", "yaml", "seccomp", "ssl", "crypto", "zstd", "z"].map {
    .linkedLibrary($0)
  } + [.unsafeFlags(["-Xlinker", "-T\(Context.packageDirectory)/cross/lib/no-unwinding.ld"])] : []

let productTargets: [Target] = [
  .target(
    name: "CLinux",
    cSettings: [.unsafeFlags(framePointers.filter { $0 != "-Xcc" })]
      + (embedded ? [.define("WEIR_EMBEDDED")] : [])),
  .systemLibrary(name: "CGpiod"),
  .systemLibrary(name: "CMosquitto"),
  .systemLibrary(name: "CSeccomp"),
  .systemLibrary(name: "CYAML"),
  .systemLibrary(name: "CZstd"),
  .target(name: "Ring", swiftSettings: dataPath),
  .target(name: "Signal", dependencies: ["Ring"], swiftSettings: dataPath),
  .target(name: "Sensors", dependencies: ["Ring"], swiftSettings: dataPath),
  .target(name: "Linux", dependencies: ["CLinux"], swiftSettings: product),
  .target(name: "CSeal", linkerSettings: [.linkedLibrary("crypto")]),
  .target(
    name: "Journal", dependencies: ["CLinux", "CSeal", "Linux", "Ring"], swiftSettings: journal),
  .target(name: "JournalFile", dependencies: ["Journal", "Linux"], swiftSettings: seldom),
  .target(
    name: "Configuration", dependencies: ["CYAML", "JournalFile", "Sensors", "Linux"],
    swiftSettings: seldom),
  .target(
    name: "Buses", dependencies: ["CGpiod", "Ring", "Sensors", "Linux"], swiftSettings: product),
  .target(
    name: "Uplink",
    dependencies: [
      "CMosquitto", "CZstd", "Ring", "Journal", "JournalFile", "Linux", "Configuration",
    ],
    swiftSettings: product),
  .target(
    name: "Supervision", dependencies: ["CSeccomp", "Ring", "Linux"], swiftSettings: seldom),
  .target(
    name: "Boot", dependencies: ["Ring", "Linux", "Configuration", "Supervision"],
    swiftSettings: seldom),
  .executableTarget(
    name: "weir",
    dependencies: [
      "Boot", "Ring", "Journal", "JournalFile", "Signal", "Sensors", "Linux", "Configuration",
      "Buses", "Uplink", "Supervision",
    ],
    swiftSettings: seldom + [.unsafeFlags(["-parse-as-library"])],
    linkerSettings: staticLibraries),
]

/// What runs on a desk: the second program, and the tests. Ordinary Swift only.
let deskTargets: [Target] = [
  .systemLibrary(name: "CSQLite"),
  .target(
    name: "Desk", dependencies: ["CMosquitto", "CSQLite", "CZstd"], swiftSettings: strict),
  .target(
    name: "Torture", dependencies: ["Journal", "Ring"],
    swiftSettings: strict + [.unsafeFlags(["-O", "-Xcc", "-D_GNU_SOURCE"])]),
  .executableTarget(
    name: "weirctl",
    dependencies: [
      "Desk", "Torture",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    swiftSettings: strict),
  .testTarget(
    name: "RingTests", dependencies: ["Ring", "Linux", "CLinux", "CTrace", "Seeds"],
    path: "Tests/Ring",
    swiftSettings: strict),
  .testTarget(
    name: "SignalTests", dependencies: ["Signal", "Ring", "CTrace", "Seeds"],
    path: "Tests/Signal", swiftSettings: strict),
  .target(name: "CTrace", path: "Tests/CTrace"),
  .target(
    name: "CDrills", path: "Tests/CDrills",
    cSettings: [.unsafeFlags(framePointers.filter { $0 != "-Xcc" })]),
  .target(name: "Seeds", path: "Tests/Seeds", swiftSettings: strict),
  .testTarget(
    name: "SensorsTests", dependencies: ["Sensors"], path: "Tests/Sensors", swiftSettings: strict),
  .testTarget(
    name: "LinuxTests", dependencies: ["Linux"], path: "Tests/Linux", swiftSettings: strict),
  .testTarget(
    name: "BusesTests", dependencies: ["Buses", "Sensors", "Linux"], path: "Tests/Buses",
    swiftSettings: strict),
  .testTarget(
    name: "ConfigurationTests", dependencies: ["Configuration"], path: "Tests/Configuration",
    swiftSettings: strict),
  .testTarget(
    name: "UplinkTests",
    dependencies: [
      "Uplink", "Journal", "JournalFile", "Ring", "Linux", "Configuration", "Desk", "Drivers",
      "Seeds",
    ],
    path: "Tests/Uplink", swiftSettings: strict),
  .testTarget(
    name: "SupervisionTests", dependencies: ["Supervision", "Ring", "Linux", "CLinux", "CDrills"],
    path: "Tests/Supervision", swiftSettings: strict),
  .testTarget(
    name: "BootTests", dependencies: ["Boot", "Linux"], path: "Tests/Boot", swiftSettings: strict),
  .testTarget(
    name: "JournalTests",
    dependencies: [
      "Journal", "JournalFile", "Torture", "Ring", "CLinux", "CSeal", "Linux", "Drivers", "Seeds",
    ],
    path: "Tests/Journal", swiftSettings: strict),
  .testTarget(name: "TidyTests", path: "Tests/Tidy", swiftSettings: strict),
  .testTarget(
    name: "DeskTests", dependencies: ["Desk", "Drivers", "Seeds", "weirctl"], path: "Tests/Desk",
    swiftSettings: strict),
  .target(
    name: "Drivers", dependencies: ["Desk", "CDrills"], path: "Tests/Drivers", swiftSettings: strict
  ),
  .testTarget(
    name: "GatewayTests",
    dependencies: [
      "weir", "weirctl", "Desk", "Drivers", "Journal", "JournalFile", "Ring", "Seeds",
    ],
    path: "Tests/Gateway", swiftSettings: strict),
  .testTarget(
    name: "RigTests", dependencies: ["Desk", "Drivers", "Seeds"], path: "Tests/Rig",
    swiftSettings: strict),
]

/// What is compared with its rivals (cross/bench), compiled as the product is. Never part of it.
let benchTargets: [Target] = [
  .target(
    name: "Rivals", path: "Tests/Bench/ring/Rivals",
    cSettings: [.unsafeFlags(["-O2"])], cxxSettings: [.unsafeFlags(["-O2"])]),
  .target(
    name: "BenchTable", dependencies: ["Linux"], path: "Tests/Bench/table",
    swiftSettings: product),
  .executableTarget(
    name: "bench-ring", dependencies: ["Ring", "Linux", "CLinux", "Rivals", "BenchTable"],
    path: "Tests/Bench/ring", exclude: ["Rivals"],
    swiftSettings: product + [.unsafeFlags(["-parse-as-library"])],
    linkerSettings: [.linkedLibrary("m")]),
  .target(
    name: "Beats", path: "Tests/Bench/restart/Rivals", cSettings: [.unsafeFlags(["-O2"])]),
  .executableTarget(
    name: "bench-restart-task", dependencies: ["Beats"], path: "Tests/Bench/restart/Task",
    cSettings: [.unsafeFlags(["-O2"])]),
  .executableTarget(
    name: "bench-restart",
    dependencies: ["Supervision", "Ring", "Linux", "CLinux", "Beats", "BenchTable"],
    path: "Tests/Bench/restart", exclude: ["Rivals", "Task"],
    swiftSettings: product + [.unsafeFlags(["-parse-as-library"])],
    linkerSettings: ["m", "seccomp"].map { .linkedLibrary($0) }),
  .target(
    name: "Stores", path: "Tests/Bench/journal/Rivals", cSettings: [.unsafeFlags(["-O2"])]),
  .executableTarget(
    name: "bench-journal",
    dependencies: ["Journal", "JournalFile", "Linux", "CLinux", "Stores", "BenchTable"],
    path: "Tests/Bench/journal", exclude: ["Rivals"],
    swiftSettings: product + [.unsafeFlags(["-parse-as-library"])],
    linkerSettings: ["m", "sqlite3", "lmdb"].map { .linkedLibrary($0) }),
  .target(
    name: "Clients", dependencies: ["CMosquitto"], path: "Tests/Bench/uplink/Rivals",
    cSettings: [.unsafeFlags(["-O2"])]),
  .executableTarget(
    name: "bench-uplink",
    dependencies: [
      "Uplink", "Configuration", "Journal", "JournalFile", "Ring", "Linux", "CLinux", "Clients",
      "BenchTable",
    ],
    path: "Tests/Bench/uplink", exclude: ["Rivals", "flood.py"],
    swiftSettings: product + [.unsafeFlags(["-parse-as-library"])],
    linkerSettings: ["m", "mosquitto", "ssl", "crypto", "yaml", "zstd"].map { .linkedLibrary($0) }),
]

/// The named targets and all that they need.
func closure(of names: [String], in all: [Target]) -> [Target] {
  var wanted = Set(names)
  // As many rounds as there are targets: no chain of dependencies is longer.
  for _ in all {
    for target in all where wanted.contains(target.name) {
      for case .byNameItem(let name, _) in target.dependencies { wanted.insert(name) }
    }
  }
  return all.filter { wanted.contains($0.name) }
}

/// `WEIR_TESTS=RingTests,...` leaves only these test targets and what they need: builds under a
/// sanitizer compile everything anew, and would otherwise compile weirctl too.
let onlyTests = Context.environment["WEIR_TESTS"]?.split(separator: ",").map(String.init)
let isBench = Context.environment["WEIR_BENCH"] == "1"
let allTargets = productTargets + (isBench ? benchTargets : embedded ? [] : deskTargets)
let targets = onlyTests.map { closure(of: $0, in: allTargets) } ?? allTargets
let programs = ["weir", "weirctl"].filter { name in targets.contains { $0.name == name } }

let package = Package(
  name: "weir",
  products: programs.map { .executable(name: $0, targets: [$0]) },
  dependencies: programs.contains("weirctl")
    ? [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")]
    : [],
  targets: targets
)
