#define _GNU_SOURCE

#include "Storage.h"

#include <linux/blkpg.h>
#include <linux/fs.h>
#include <stddef.h>
#include <sys/ioctl.h>

// Not in the kernel's exported headers; part of its stable interface all the same (resize2fs).
#define EXT4_IOC_RESIZE_FS _IOW('f', 16, uint64_t)

int64_t weir_device_size(int descriptor) {
  uint64_t size = 0;
  return ioctl(descriptor, BLKGETSIZE64, &size) == 0 ? (int64_t)size : -1;
}

int weir_partition_resize(int disk, int number, int64_t start, int64_t length) {
  struct blkpg_partition partition = {.start = start, .length = length, .pno = number};
  struct blkpg_ioctl_arg argument = {
      .op = BLKPG_RESIZE_PARTITION, .datalen = sizeof partition, .data = &partition};
  return ioctl(disk, BLKPG, &argument);
}

int weir_ext4_resize(int descriptor, uint64_t block_count) {
  return ioctl(descriptor, EXT4_IOC_RESIZE_FS, &block_count);
}
