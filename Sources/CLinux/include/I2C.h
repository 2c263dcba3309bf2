// Transfers on an I²C adapter's device file (linux/i2c-dev.h), which need structures of pointers
// and ioctl numbers that Swift cannot import.
#ifndef WEIR_I2C_H
#define WEIR_I2C_H

#include <stddef.h>
#include <stdint.h>

/// Whether the adapter can do plain I²C transfers (I2C_FUNCS): 1, 0, or -1 with errno.
int weir_i2c_is_capable(int descriptor);
/// How long a transfer may take, in units of 10 ms (I2C_TIMEOUT), and how often the kernel repeats
/// one whose arbitration was lost (I2C_RETRIES). 0, or -1 with errno.
int weir_i2c_limit(int descriptor, unsigned timeout_centiseconds, unsigned retry_count);
/// Writes `register_number`, then reads `count` bytes after a repeated start, in one transfer
/// (I2C_RDWR). 0, or -1 with errno.
int weir_i2c_read(int descriptor, uint8_t address, uint8_t register_number, uint8_t *bytes,
                  size_t count);
/// Writes `count` bytes, the first of which is the register's number. 0, or -1 with errno.
int weir_i2c_write(int descriptor, uint8_t address, const uint8_t *bytes, size_t count);

#endif
