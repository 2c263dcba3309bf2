#define _GNU_SOURCE

#include "I2C.h"

#include <errno.h>
#include <linux/i2c-dev.h>
#include <linux/i2c.h>
#include <sys/ioctl.h>

int weir_i2c_is_capable(int descriptor) {
  unsigned long functions = 0;
  if (ioctl(descriptor, I2C_FUNCS, &functions) < 0) return -1;
  return (functions & I2C_FUNC_I2C) != 0;
}

int weir_i2c_limit(int descriptor, unsigned timeout_centiseconds, unsigned retry_count) {
  if (ioctl(descriptor, I2C_TIMEOUT, (unsigned long)timeout_centiseconds) < 0) return -1;
  return ioctl(descriptor, I2C_RETRIES, (unsigned long)retry_count) < 0 ? -1 : 0;
}

static int transfer(int descriptor, struct i2c_msg *messages, unsigned count) {
  struct i2c_rdwr_ioctl_data data = {.msgs = messages, .nmsgs = count};
  int done = ioctl(descriptor, I2C_RDWR, &data);
  if (done < 0) return -1;
  if ((unsigned)done == count) return 0;
  errno = EIO;  // fewer messages went through than were asked for
  return -1;
}

int weir_i2c_read(int descriptor, uint8_t address, uint8_t register_number, uint8_t *bytes,
                  size_t count) {
  struct i2c_msg messages[2] = {
      {.addr = address, .flags = 0, .len = 1, .buf = &register_number},
      {.addr = address, .flags = I2C_M_RD, .len = (uint16_t)count, .buf = bytes},
  };
  return transfer(descriptor, messages, 2);
}

int weir_i2c_write(int descriptor, uint8_t address, const uint8_t *bytes, size_t count) {
  // The kernel copies the bytes and does not change them: the structure only lacks the const.
  struct i2c_msg message = {
      .addr = address, .flags = 0, .len = (uint16_t)count, .buf = (uint8_t *)bytes};
  return transfer(descriptor, &message, 1);
}
