/// Keeps the value that has it in memory, at one place.
///
/// The compiler would pass a large value that cannot be copied to each method in registers, and
/// check each use of it against each of its fields: for `Uplink` that took half a minute. A value
/// with an anchor is always passed by its address. It takes no more than a byte.
@_rawLayout(size: 1, alignment: 1)
struct Anchor: ~Copyable {
  deinit {}
}
