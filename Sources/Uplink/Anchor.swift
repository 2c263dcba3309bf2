/// Keeps the value that has it in memory, at one place.
///
/// The compiler would pass a large value that cannot be copied to each method in registers, field by
/// field, and checks each use against each field: for `Uplink` that took half a minute. A value
/// with an anchor is always passed by its address. It takes no more than a byte.
@_rawLayout(size: 1, alignment: 1)
struct Anchor: ~Copyable {
  deinit {}
}
