import CGpiod
import Linux
import Sensors

/// The lines of a GPIO chip of the kernel, through libgpiod 2.
///
/// The chip is found by its label, because the numbers of `/dev/gpiochipN` depend on the order in
/// which drivers came up. All lines are asked for in one request; when the kernel refuses it (more
/// different settings than fit, one line without an interrupt), in halves, so that one bad line
/// does not cost the others.
///
/// The kernel's queue holds 16 events a line unless it is asked for more; we ask for the most it
/// gives, 1,024 a request (GPIO_V2_LINES_MAX × 16, drivers/gpio/gpiolib-cdev.c).
@safe public struct GpioLines: LineChip, ~Copyable {
  static let chipCountMax = 32
  static let eventBufferCount = 1024
  /// One of `pollItemCountMax` is the task's timer.
  static let requestCountMax = pollItemCountMax - 1

  /// The kernel's label, such as `pinctrl-bcm2835`.
  public let label: String
  private let lines: [LineRequest]
  /// Which request holds a line; -1: none.
  private var holders: [Int]
  private var faults: [LineFault?]
  private var requests: [OpaquePointer?]
  private let buffer: OpaquePointer
  private var eventCount = 0
  private var bootOffset: Int64 = 0
  /// The request that was read last.
  private var turn = 0

  /// Where the device files are: /dev but in tests.
  private let folder: String

  public init(label: String, lines: [LineRequest], folder: String = "/dev") {
    self.label = label
    self.lines = lines
    self.folder = folder
    holders = Array(repeating: -1, count: lines.count)
    faults = Array(repeating: .chipAbsent, count: lines.count)
    unsafe requests = Array(repeating: nil, count: Self.requestCountMax)
    // Safe: gives nil only when there is no memory, and then there is nothing to go on with.
    unsafe buffer = gpiod_edge_event_buffer_new(lineEventCountMax)!
  }

  deinit {
    // Safe: each pointer is a live object of the library, freed once.
    for index in 0..<Self.requestCountMax {
      if let request = unsafe requests[index] { unsafe gpiod_line_request_release(request) }
    }
    unsafe gpiod_edge_event_buffer_free(buffer)
  }

  public func fault(_ line: Int) -> LineFault? { faults[line] }

  public mutating func acquire(now: Int64) {
    var wanted: [Int] = []
    for line in lines.indices where holders[line] < 0 { wanted.append(line) }
    if wanted.isEmpty { return }
    // Safe: the chip is closed below and used nowhere else.
    guard let chip = unsafe openChip() else {
      for line in wanted { faults[line] = .chipAbsent }
      return
    }
    defer { unsafe gpiod_chip_close(chip) }
    var free: [Int] = []
    for line in wanted {
      faults[line] = unsafe obstacle(chip, line)
      if faults[line] == nil { free.append(line) }
    }
    unsafe request(free[...], of: chip)
  }

  public mutating func level(_ line: Int, now: Int64) throws(SystemError) -> Bool {
    precondition(holders[line] >= 0)
    // Safe: a holder is the index of a live request.
    let value = unsafe gpiod_line_request_get_value(requests[holders[line]], lines[line].offset)
    guard value != GPIOD_LINE_VALUE_ERROR else {
      let error = SystemError.last("ioctl")
      if error.number == .noDevice { release(holders[line], .chipAbsent) }
      throw error
    }
    return value == GPIOD_LINE_VALUE_ACTIVE
  }

  public mutating func readEvents(now: Int64) -> Int {
    eventCount = 0
    // The kernel's stamps are of CLOCK_MONOTONIC; the clocks differ by the time spent suspended.
    bootOffset = Clock.boot() - Clock.monotonic()
    for _ in 0..<Self.requestCountMax {
      // In turn, so that a busy line does not starve those of another request.
      turn = (turn + 1) % Self.requestCountMax
      let index = turn
      // Safe: a pointer that is not nil is a live request.
      guard let request = unsafe requests[index] else { continue }
      // Safe: as above; a timeout of 0 never waits.
      switch unsafe gpiod_line_request_wait_edge_events(request, 0) {
      case 0: continue
      case 1:
        let count = unsafe gpiod_line_request_read_edge_events(
          request, buffer, lineEventCountMax)
        if count > 0 {
          eventCount = Int(count)
          return eventCount
        }
        fail(index)
      default:
        fail(index)
      }
    }
    return 0
  }

  public func event(_ index: Int) -> LineEvent {
    precondition(index >= 0 && index < eventCount)
    // Safe: the buffer holds `eventCount` events until the next read, and the event is only looked
    // at here.
    let event = unsafe gpiod_edge_event_buffer_get_event(buffer, UInt(index))
    let offset = unsafe gpiod_edge_event_get_line_offset(event)
    let time = unsafe Int64(gpiod_edge_event_get_timestamp_ns(event)) + bootOffset
    let sequence = unsafe gpiod_edge_event_get_line_seqno(event)
    let isRising =
      unsafe gpiod_edge_event_get_event_type(event) == GPIOD_EDGE_EVENT_RISING_EDGE
    return LineEvent(
      time: time, lineSequence: UInt32(truncatingIfNeeded: sequence),
      line: UInt16(lines.firstIndex { $0.offset == offset } ?? 0), isRising: isRising)
  }

  public func appendPollItems(to items: inout [PollItem]) {
    for index in 0..<Self.requestCountMax {
      // Safe: a pointer that is not nil is a live request.
      guard let request = unsafe requests[index] else { continue }
      items.append(PollItem(unsafe gpiod_line_request_get_fd(request)))
    }
  }

  public func nextEventTime() -> Int64 { .max }

  /// A request that cannot be read from any more: its chip went away.
  private mutating func fail(_ index: Int) {
    let number = SystemError.last("read").number
    if number == .interrupted || number == .again { return }
    release(index, number == .noDevice ? .chipAbsent : .refused(number))
  }

  private mutating func release(_ index: Int, _ fault: LineFault) {
    // Safe: a holder is a live request; it is forgotten here.
    unsafe gpiod_line_request_release(requests[index])
    unsafe requests[index] = nil
    for line in lines.indices where holders[line] == index {
      holders[line] = -1
      faults[line] = fault
    }
  }
}

/// Asking for lines.
extension GpioLines {
  private func openChip() -> OpaquePointer? {
    for index in 0..<Self.chipCountMax {
      // Safe: the library gives nil or objects that are ours: the chip goes to the caller or is
      // closed, the information is freed.
      guard let chip = unsafe gpiod_chip_open("\(folder)/gpiochip\(index)") else { continue }
      if let info = unsafe gpiod_chip_get_info(chip) {
        let found = unsafe String(cString: gpiod_chip_info_get_label(info))
        unsafe gpiod_chip_info_free(info)
        if found == label { return unsafe chip }
      }
      unsafe gpiod_chip_close(chip)
    }
    return nil
  }

  /// What stands against asking for a line, or nil.
  private func obstacle(_ chip: OpaquePointer, _ line: Int) -> LineFault? {
    // Safe: the library gives nil or an object that is freed here; its strings are copied before.
    guard let info = unsafe gpiod_chip_get_line_info(chip, lines[line].offset) else {
      let number = SystemError.last("ioctl").number
      guard number.rawValue == 22, let chipInfo = unsafe gpiod_chip_get_info(chip) else {
        return .refused(number)
      }
      defer { unsafe gpiod_chip_info_free(chipInfo) }
      return unsafe .lineAbsent(lineCount: Int(gpiod_chip_info_get_num_lines(chipInfo)))
    }
    defer { unsafe gpiod_line_info_free(info) }
    guard unsafe gpiod_line_info_is_used(info) else { return nil }
    guard let consumer = unsafe gpiod_line_info_get_consumer(info) else {
      return .busy(consumer: "the kernel")
    }
    return unsafe .busy(consumer: String(cString: consumer))
  }

  /// Asks for these lines together, or in halves when that is refused: at most 2n − 1 attempts.
  private mutating func request(_ wanted: ArraySlice<Int>, of chip: OpaquePointer) {
    if wanted.isEmpty { return }
    // Safe: only compared with nil.
    guard let index = unsafe requests.firstIndex(where: { unsafe $0 == nil }) else {
      // Every place is taken by lines that came one by one: they stay as they are.
      for line in wanted { faults[line] = .refused(.tooManyFiles) }
      return
    }
    // Safe: the chip is open.
    if let request = unsafe requestLines(wanted, of: chip) {
      unsafe requests[index] = request
      for line in wanted { holders[line] = index }
      return
    }
    let number = SystemError.last("ioctl").number
    if wanted.count == 1 {
      for line in wanted { faults[line] = .refused(number) }
      return
    }
    let middle = wanted.startIndex + wanted.count / 2
    unsafe request(wanted[..<middle], of: chip)
    unsafe request(wanted[middle...], of: chip)
  }

  /// Nil, with errno, when the kernel refuses.
  private func requestLines(_ wanted: ArraySlice<Int>, of chip: OpaquePointer) -> OpaquePointer? {
    // Safe: the three objects are ours and freed here; the library copies what it needs of them.
    guard let config = unsafe gpiod_line_config_new() else { return nil }
    defer { unsafe gpiod_line_config_free(config) }
    guard let options = unsafe gpiod_request_config_new() else { return nil }
    defer { unsafe gpiod_request_config_free(options) }
    guard let settings = unsafe gpiod_line_settings_new() else { return nil }
    defer { unsafe gpiod_line_settings_free(settings) }
    unsafe gpiod_request_config_set_consumer(options, "weir")
    unsafe gpiod_request_config_set_event_buffer_size(options, Self.eventBufferCount)
    for line in wanted {
      var offset = lines[line].offset
      guard unsafe Self.apply(lines[line], to: settings) else { return nil }
      // Safe: one offset, which outlives the call.
      let added = unsafe gpiod_line_config_add_line_settings(config, &offset, 1, settings)
      guard added == 0 else { return nil }
    }
    return unsafe gpiod_chip_request_lines(chip, options, config)
  }

  private static func apply(_ line: LineRequest, to settings: OpaquePointer) -> Bool {
    let edges =
      switch line.edges {
      case .none: GPIOD_LINE_EDGE_NONE
      case .rising: GPIOD_LINE_EDGE_RISING
      case .falling: GPIOD_LINE_EDGE_FALLING
      case .both: GPIOD_LINE_EDGE_BOTH
      }
    let bias =
      switch line.bias {
      case .asIs: GPIOD_LINE_BIAS_AS_IS
      case .none: GPIOD_LINE_BIAS_DISABLED
      case .up: GPIOD_LINE_BIAS_PULL_UP
      case .down: GPIOD_LINE_BIAS_PULL_DOWN
      }
    // Safe: a live object; the calls only set fields of it.
    unsafe gpiod_line_settings_reset(settings)
    unsafe gpiod_line_settings_set_active_low(settings, line.isActiveLow)
    unsafe gpiod_line_settings_set_debounce_period_us(settings, UInt(line.debounceMicroseconds))
    return unsafe gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT) == 0
      && gpiod_line_settings_set_edge_detection(settings, edges) == 0
      && gpiod_line_settings_set_bias(settings, bias) == 0
      && gpiod_line_settings_set_event_clock(settings, GPIOD_LINE_CLOCK_MONOTONIC) == 0
  }
}
