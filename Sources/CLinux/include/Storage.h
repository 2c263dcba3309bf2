// Growing the data partition and its file system to the end of the card.
#ifndef WEIR_STORAGE_H
#define WEIR_STORAGE_H

#include <stdint.h>

/// The size of a block device in bytes (BLKGETSIZE64). -1 with errno on failure.
int64_t weir_device_size(int descriptor);
/// Tells the kernel a partition's new extent, in bytes (BLKPG_RESIZE_PARTITION), also while it is
/// mounted. The descriptor is the whole disk's.
int weir_partition_resize(int disk, int number, int64_t start, int64_t length);
/// Grows the mounted ext4 file system that `descriptor` lies in to `block_count` blocks
/// (EXT4_IOC_RESIZE_FS, linux/fs/ext4/ext4.h).
int weir_ext4_resize(int descriptor, uint64_t block_count);

#endif
