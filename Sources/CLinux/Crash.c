// The handler that leaves a record of the process's death. It runs in a process of which nothing
// can be trusted any more: it makes no call but clock_gettime and tgkill, takes no lock, allocates
// nothing, and has a stack of its own. It reads the program's memory only where its stack is.
#define _GNU_SOURCE

#include "Crash.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define FRAME_COUNT_MAX 32
#define BUILD_ID_SIZE 20

// The same as the table of Ring.CrashSlot; a test compares the two.
enum {
  RECORD_GENERATION = 0,
  RECORD_SIGNAL = 1,
  RECORD_ADDRESS = 2,
  RECORD_PC = 3,
  RECORD_SP = 4,
  RECORD_LINK = 5,
  RECORD_STEP = 6,
  RECORD_TIME = 7,
  RECORD_START = 8,
  RECORD_FRAME_COUNT = 9,
  RECORD_FRAMES = 10,
  RECORD_BUILD_ID = RECORD_FRAMES + FRAME_COUNT_MAX,
  RECORD_BIAS = RECORD_BUILD_ID + 3,
};

static uint64_t *record;
static const uint64_t *step_word;
static uint64_t generation;
// Every frame of the stack lies below.
static uintptr_t stack_end;
static uint64_t start_time;
static uint64_t build_id[3];
static uint64_t bias;
static volatile sig_atomic_t is_entered;

// What the kernel may need to interrupt the handler, and what the handler itself does, with room.
#define HANDLER_STACK_SIZE 16384
// The deepest stack that is believed: more than any task has (RLIMIT_STACK, 8 MiB by default).
#define STACK_SIZE_MAX (UINT64_C(64) << 20)

static void put(int index, uint64_t value) {
  __atomic_store_n(&record[index], value, __ATOMIC_RELAXED);
}

static uint64_t boot_time(void) {
  struct timespec now = {0};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct place {
  uint64_t pc, sp, fp, link;
};

static struct place place_of(const ucontext_t *context) {
#if defined(__x86_64__)
  const greg_t *registers = context->uc_mcontext.gregs;
  return (struct place){(uint64_t)registers[REG_RIP], (uint64_t)registers[REG_RSP],
                        (uint64_t)registers[REG_RBP], 0};
#elif defined(__aarch64__)
  const mcontext_t *machine = &context->uc_mcontext;
  return (struct place){machine->pc, machine->sp, machine->regs[29], machine->regs[30]};
#else
#error "no frame pointers are known for this processor"
#endif
}

// Both architectures keep the same at a frame pointer: the caller's frame pointer, then the address
// to return to. Frames lie between the stack pointer and the stack's end, each above the one
// before; anything else ends the walk. Each is counted when it is there: should the walk itself
// fail, what it found stands.
static void walk(const struct place *place) {
  uint64_t low = place->sp, frame = place->fp;
  if (low >= stack_end || stack_end - low > STACK_SIZE_MAX) return;
  for (uint64_t count = 0; count < FRAME_COUNT_MAX; count++) {
    if (frame < low || frame > stack_end - 16 || frame % 8 != 0) return;
    const uint64_t *pair = (const uint64_t *)frame;
    if (pair[1] == 0) return;
    put(RECORD_FRAMES + (int)count, pair[1]);
    __atomic_store_n(&record[RECORD_FRAME_COUNT], count + 1, __ATOMIC_RELEASE);
    low = frame + 16;
    frame = pair[0];
  }
}

static void handle(int number, siginfo_t *information, void *context) {
  if (!is_entered) {
    is_entered = 1;
    struct place place = place_of(context);
    // What stands there is of a predecessor, and its end begins here.
    put(RECORD_GENERATION, 0);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    uint64_t address = (uint64_t)(uintptr_t)information->si_addr;
    // Whom a system call was refused is known by its number; where, by the program counter.
    if (number == SIGSYS) address = (uint64_t)information->si_syscall;
    // Of a signal that was sent, the field is something else.
    if (information->si_code <= 0) address = 0;
    put(RECORD_SIGNAL, (uint32_t)number | (uint64_t)(uint32_t)information->si_code << 32);
    put(RECORD_ADDRESS, address);
    put(RECORD_PC, place.pc);
    put(RECORD_SP, place.sp);
    put(RECORD_LINK, place.link);
    put(RECORD_STEP, step_word ? __atomic_load_n(step_word, __ATOMIC_RELAXED) : 0);
    put(RECORD_TIME, boot_time());
    put(RECORD_START, start_time);
    for (int index = 0; index < 3; index++) put(RECORD_BUILD_ID + index, build_id[index]);
    put(RECORD_BIAS, bias);
    put(RECORD_FRAME_COUNT, 0);
    // Who sees the generation sees all of the above.
    __atomic_store_n(&record[RECORD_GENERATION], generation, __ATOMIC_RELEASE);
    walk(&place);
  }
  // The default action is back (SA_RESETHAND) and nothing is blocked (SA_NODEFER): this ends the
  // process by the same signal. Where even that is forbidden, returning does for faults.
  syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), number);
}

// Where the program lies besides where it was linked to lie: 0 for one that can't be moved.
static uint64_t load_bias(void) {
  const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  unsigned long count = header ? getauxval(AT_PHNUM) : 0;
  for (unsigned long index = 0; index < count; index++)
    if (header[index].p_type == PT_PHDR) return (uintptr_t)header - header[index].p_vaddr;
  return 0;
}

// The notes of the program, where the kernel mapped them (getauxval(3), AT_PHDR).
int weir_build_id(uint8_t *bytes, int size) {
  const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
  unsigned long count = getauxval(AT_PHNUM);
  uintptr_t moved = (uintptr_t)load_bias();
  if (header == NULL || size < 0) return 0;
  for (unsigned long index = 0; index < count; index++) {
    if (header[index].p_type != PT_NOTE) continue;
    const uint8_t *note = (const uint8_t *)(moved + header[index].p_vaddr);
    const uint8_t *end = note + header[index].p_memsz;
    while (note + sizeof(ElfW(Nhdr)) <= end) {
      const ElfW(Nhdr) *one = (const ElfW(Nhdr) *)note;
      const uint8_t *name = note + sizeof *one;
      const uint8_t *value = name + ((one->n_namesz + 3) & ~3u);
      note = value + ((one->n_descsz + 3) & ~3u);
      if (note > end) break;
      if (one->n_type != NT_GNU_BUILD_ID || one->n_namesz != 4 || memcmp(name, "GNU", 4) != 0)
        continue;
      int length = (int)one->n_descsz < size ? (int)one->n_descsz : size;
      memcpy(bytes, value, (size_t)length);
      return length;
    }
  }
  return 0;
}

// Between two pages that nobody may touch; the pages are taken when a signal comes.
static int take_stack(void) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t wanted = HANDLER_STACK_SIZE + getauxval(AT_MINSIGSTKSZ);
  size_t size = (wanted + page - 1) / page * page;
  char *memory = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -1;
  if (mprotect(memory + page, size, PROT_READ | PROT_WRITE) < 0) return -1;
  stack_t stack = {.ss_sp = memory + page, .ss_size = size};
  return sigaltstack(&stack, NULL);
}

int weir_crash_install(uint64_t *given, const uint64_t *step, uint64_t given_generation,
                       const void *given_stack_end) {
  static const int signals[] = {SIGSEGV, SIGBUS,  SIGILL, SIGTRAP,
                                SIGFPE,  SIGABRT, SIGSYS, SIGQUIT};
  struct rlimit none = {0, 0};
  uint8_t identity[sizeof build_id] = {0};
  record = given;
  step_word = step;
  generation = given_generation;
  is_entered = 0;
  // The name of the program lies behind all frames of the main thread.
  stack_end = given_stack_end ? (uintptr_t)given_stack_end : (uintptr_t)getauxval(AT_EXECFN);
  stack_end &= ~(uintptr_t)15;
  start_time = boot_time();
  weir_build_id(identity, BUILD_ID_SIZE);
  memcpy(build_id, identity, sizeof build_id);
  bias = load_bias();
  // A core would take longer to write than a deadline lasts, and where would it go?
  if (setrlimit(RLIMIT_CORE, &none) < 0 || take_stack() < 0) return -1;
  struct sigaction action = {.sa_sigaction = handle,
                             .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER};
  sigemptyset(&action.sa_mask);
  for (size_t index = 0; index < sizeof signals / sizeof signals[0]; index++)
    if (sigaction(signals[index], &action, NULL) < 0) return -1;
  return 0;
}
