// Corrects two functions of Swift 6.3.1's Embedded runtime on aarch64.
//
// swift_bridgeObjectRetain and swift_bridgeObjectRetain_n must return their argument as it came:
// the compiler declares it as the result, and on aarch64 its code goes on with the result. The
// runtime's own return it without its flag bits. Of a string of at most 15 bytes, which lives in
// those 16 bytes with its length and flags, the result is garbage, and a later use of it crashes.
//
// The runtime's definitions are weak, so that these take their place. When Swift returns the whole
// argument itself, this file can go: cross/lib/test-binaries would show it.
#if defined(WEIR_EMBEDDED) && defined(__aarch64__)

#include <stdint.h>

void *swift_retain(void *object);
void *swift_retain_n(void *object, uint32_t count);
void *swift_bridgeObjectRetain(void *object);
void *swift_bridgeObjectRetain_n(void *object, uint32_t count);

// The bits of an address, without the flags (stdlib/public/SwiftShims/swift/shims/System.h).
#define ADDRESS_BITS UINT64_C(0x8ffffffffffffff8)

// The counted object; nothing for a value that is none (its sign bit is set) and for null.
static void *counted_object(void *object) {
  if ((intptr_t)object < 0) {
    return 0;
  }
  return (void *)((uintptr_t)object & ADDRESS_BITS);
}

void *swift_bridgeObjectRetain(void *object) {
  void *counted = counted_object(object);
  if (counted) {
    swift_retain(counted);
  }
  return object;
}

void *swift_bridgeObjectRetain_n(void *object, uint32_t count) {
  void *counted = counted_object(object);
  if (counted) {
    swift_retain_n(counted, count);
  }
  return object;
}

#endif
