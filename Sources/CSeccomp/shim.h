// No header of the C library that defines types of its own: a test that sees this module and CLinux
// would find two definitions of them, with other feature macros.
#include <seccomp.h>

void free(void *);

// Macros that Swift can't import.
static inline uint32_t weir_scmp_allow(void) { return SCMP_ACT_ALLOW; }
static inline uint32_t weir_scmp_trap(void) { return SCMP_ACT_TRAP; }
static inline uint32_t weir_scmp_kill(void) { return SCMP_ACT_KILL_PROCESS; }
static inline uint32_t weir_scmp_errno(uint16_t number) { return SCMP_ACT_ERRNO(number); }
// A name that libseccomp allocated.
static inline void weir_scmp_free(char *name) { free(name); }
