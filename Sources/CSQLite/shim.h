// The same feature macro as CLinux.h: one Swift program sees the same system types in every module.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sqlite3.h>
