// The same feature macro as CLinux.h: one Swift program sees the same system types in every module.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
// The static forms: a context in memory that the caller gives. They are stable enough to be linked
// statically, which is what zstd.h asks of their users.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
