// What only C can do to a process or a thread.
#ifndef WEIR_CDRILLS_H
#define WEIR_CDRILLS_H

/// Does not return. 0: a failed check, as Swift's. The same, with 1: a frame pointer to nowhere;
/// 2: one that is not on a word; 3: one that points to itself; 4: a stack pointer to nowhere.
/// 5: a stack that grows until there is no more.
void weir_crash_drill(int kind);

/// Where the stack of the calling thread ends.
const void *weir_stack_end(void);

/// Moves the calling thread into the network namespace of that file (setns(2)). 0, or -1 with
/// errno.
int weir_enter_network(const char *path);

#endif
