@testable import Configuration

/// Mistakes and what is said of them, in the format of `cases(_:)`.
enum LineMistakes {
  /// In the map of a line, at 5:7.
  static let lines = #"""
    > line: GPIO22, mode: edges

    > line: GPIO2, mode: edges
    ! 5:13: error: the board 'rpi-3b' has no line 'GPIO2'; expected one of GPIO17, pin11,
    ~ GPIO22, GPIO27, GPIO17, X2; did you mean 'GPIO22'?

    > line: GPIO17, mode: edges
    ! 5:13: error: 'GPIO17' is a line of more than one chip; expected one; write header/GPIO17
    ~ or extra/GPIO17

    > line: heder/17, mode: edges
    ! 5:13: error: the board 'rpi-3b' has no GPIO chip 'heder'; expected one of header, extra

    > line: header/53, mode: edges

    > line: header/54, mode: edges
    ! 5:13: error: the chip 'header' has no line '54'; expected 0 to 53, or a name such as GPIO17

    > line: header/, mode: edges
    ! 5:13: error: the chip 'header' has no line ''; expected 0 to

    > line: [], mode: edges
    ! 5:13: error: 'line' is a list; expected a line of the board; write

    > mode: edges
    ! 5:3: error: 'lines.l' has no 'line:'; expected a name of the board's; write

    > line: GPIO22
    ! 5:3: error: 'lines.l' has no 'mode:'; expected one of level, edges, counter; write

    > line: GPIO22, mode: edge
    ! 5:27: error: 'mode' is 'edge'; expected one of level, edges, counter; did you mean 'edges'?

    > line: GPIO22, mode: level
    ! 5:3: error: 'lines.l' has no 'every:'; expected a duration

    > line: GPIO22, mode: counter
    ! 5:3: error: 'lines.l' has no 'every:'; expected a duration

    > line: GPIO22, mode: edges, every: 1 s
    ! 5:41: error: the mode 'edges' has no 'every'; expected none

    > line: GPIO22, mode: edges, stages: []
    ! 5:42: error: the mode 'edges' takes no 'stages'; expected none

    > line: GPIO22, mode: edges, priority: high
    ! 5:44: error: the mode 'edges' has no 'priority'; expected none, because every edge is sent

    > line: GPIO22, mode: level, every: 1 s, priority: urgent
    ! 5:56: error: 'priority' is 'urgent'; expected one of low, normal, high; choose one of them

    > line: GPIO22, mode: level, every: 1 s, priority: low, stages: [alarm: {above: 0.5}]
    ! 5:56: warning: 'priority' is 'low', but the channel 'l' has an alarm; expected normal or high;

    > line: GPIO22, mode: level, every: 1 s, edge: both
    ! 5:52: error: the mode 'level' has no 'edge'; expected it for edges and counter only

    > line: GPIO22, mode: edges, edge: up
    ! 5:40: error: 'edge' is 'up'; expected one of rising, falling, both; choose one of them

    > line: GPIO22, mode: edges, pull: high
    ! 5:40: error: 'pull' is 'high'; expected one of none, up, down; choose one of them

    > line: GPIO22, mode: edges, active: hihg
    ! 5:42: error: 'active' is 'hihg'; expected one of high, low; did you mean 'high'?

    > line: GPIO22, mode: edges, debounce: 5
    ! 5:44: error: 'debounce' is '5'; expected a duration with its unit, 0 ns to 1 s; write for
    ~ example 5 ms or 5 us

    > line: GPIO22, mode: edges, debounce: 1.5 us
    ! 5:44: error: 'debounce' is '1.5 us'; expected whole microseconds; round it

    > line: GPIO22, mode: edges, debounce: 1001 ms
    ! 5:44: error: 'debounce' is '1001 ms'; expected 0 ns to 1 s; choose

    > line: GPIO22, mode: edges, channel: a/b
    ! 5:43: error: 'channel' is 'a/b'; expected 1 to 64 of A-Z a-z 0-9 - _ .; write

    > line: GPIO22, mode: edges, bounce: 5
    ! 5:34: error: unknown key 'bounce' in 'lines.l'; expected line, mode, every, edge, pull,
    ~ active, debounce, priority, channel, unit, stages; did you mean 'debounce'?
    """#
}
