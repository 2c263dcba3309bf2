#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "Clients.h"

#include <fcntl.h>
#include <mosquitto.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double own_cpu(void) { return (double)client_processor_time(0) / 1e9; }

// The lines of a file, in one piece of memory.
struct lines {
  char *text;
  char **starts;
  int *sizes;
  int count;
};

static int read_lines(const char *path, struct lines *lines) {
  FILE *file = fopen(path, "re");
  if (file == NULL) return -1;
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  lines->text = malloc((size_t)size + 1);
  if (fread(lines->text, 1, (size_t)size, file) != (size_t)size) size = 0;
  fclose(file);
  lines->starts = malloc(((size_t)size / 2 + 1) * sizeof *lines->starts);
  lines->sizes = malloc(((size_t)size / 2 + 1) * sizeof *lines->sizes);
  lines->count = 0;
  for (char *place = lines->text; place < lines->text + size;) {
    char *end = memchr(place, '\n', (size_t)(lines->text + size - place));
    if (end == NULL) break;
    lines->starts[lines->count] = place;
    lines->sizes[lines->count++] = (int)(end - place);
    place = end + 1;
  }
  return lines->count > 0 ? 0 : -1;
}

static int acknowledged_count;
static int is_connected;

static void on_connect(struct mosquitto *client, void *context, int code) {
  (void)client, (void)context;
  is_connected = code == 0;
}

static void on_publish(struct mosquitto *client, void *context, int identifier) {
  (void)client, (void)context, (void)identifier;
  acknowledged_count++;
}

static int serve(struct mosquitto *client) {
  struct pollfd item = {.fd = mosquitto_socket(client), .events = POLLIN};
  if (mosquitto_want_write(client)) item.events |= POLLOUT;
  if (poll(&item, 1, 1000) < 0) return -1;
  if (item.revents & POLLIN && mosquitto_loop_read(client, 1) != MOSQ_ERR_SUCCESS) return -1;
  if (item.revents & POLLOUT && mosquitto_loop_write(client, 1) != MOSQ_ERR_SUCCESS) return -1;
  return mosquitto_loop_misc(client) == MOSQ_ERR_SUCCESS ? 0 : -1;
}

// As fast as libmosquitto goes: one loop, the next message as soon as the window has room.
static int flood(int port, const char *topic, const char *file, int count, int window,
                 struct client_cost *cost) {
  struct lines lines;
  if (read_lines(file, &lines) != 0) return -1;
  mosquitto_lib_init();
  struct mosquitto *client = mosquitto_new("libmosquitto", true, NULL);
  if (client == NULL) return -1;
  mosquitto_int_option(client, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
  mosquitto_int_option(client, MOSQ_OPT_SEND_MAXIMUM, window + 8);
  mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_connect_callback_set(client, on_connect);
  mosquitto_publish_callback_set(client, on_publish);
  if (mosquitto_connect(client, "127.0.0.1", port, 30) != MOSQ_ERR_SUCCESS) return -1;
  while (!is_connected)
    if (serve(client) != 0) return -1;
  double start = now(), cpu = own_cpu();
  int sent = 0;
  while (acknowledged_count < count) {
    while (sent < count && sent - acknowledged_count < window) {
      int line = sent % lines.count;
      if (mosquitto_publish(client, NULL, topic, lines.sizes[line], lines.starts[line], 1, false) !=
          MOSQ_ERR_SUCCESS)
        return -1;
      sent++;
    }
    if (serve(client) != 0) return -1;
  }
  cost->seconds = now() - start;
  cost->cpu_seconds = own_cpu() - cpu;
  mosquitto_disconnect(client);
  return 0;
}

// mosquitto_pub gets the lines as often as it takes, from another process.
static int feed(const char *file, int count, int output) {
  struct lines lines;
  if (read_lines(file, &lines) != 0) return -1;
  FILE *stream = fdopen(output, "w");
  for (int index = 0; index < count; index++) {
    int line = index % lines.count;
    if (fwrite(lines.starts[line], 1, (size_t)lines.sizes[line] + 1, stream) == 0) return -1;
  }
  return fclose(stream);
}

static int run_mosquitto_pub(int port, const char *topic, const char *file, int count,
                             struct client_cost *cost) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  pid_t feeder = fork();
  if (feeder == 0) {
    close(ends[0]);
    _exit(feed(file, count, ends[1]) == 0 ? 0 : 1);
  }
  close(ends[1]);
  double start = now();
  pid_t child = fork();
  if (child == 0) {
    char number[16];
    snprintf(number, sizeof number, "%d", port);
    dup2(ends[0], 0);
    execlp("mosquitto_pub", "mosquitto_pub", "-p", number, "-V", "mqttv5", "-q", "1", "-t", topic,
           "-l", (char *)NULL);
    _exit(127);
  }
  close(ends[0]);
  int status = -1;
  struct rusage usage = {0};
  if (wait4(child, &status, 0, &usage) != child) return -1;
  cost->seconds = now() - start;
  cost->cpu_seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  waitpid(feeder, NULL, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -1;
}

static int run_paho(int port, const char *topic, const char *file, int count, int window,
                    const char *script, struct client_cost *cost) {
  char command[1024];
  snprintf(command, sizeof command, "/usr/bin/python3 '%s' %d '%s' '%s' %d %d", script, port,
           topic, file, count, window);
  FILE *output = popen(command, "re");
  if (output == NULL) return -1;
  int found = fscanf(output, "%lf %lf", &cost->seconds, &cost->cpu_seconds);
  return pclose(output) == 0 && found == 2 ? 0 : -1;
}

int client_publish(int rival, int port, const char *topic, const char *file, int count, int window,
                   const char *script, struct client_cost *cost) {
  switch (rival) {
  case client_mosquitto_pub: return run_mosquitto_pub(port, topic, file, count, cost);
  case client_paho: return run_paho(port, topic, file, count, window, script, cost);
  default: break;
  }
  // In a process of its own, which tells what it took.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct client_cost own;
    int result = flood(port, topic, file, count, window, &own);
    _exit(result == 0 && write(ends[1], &own, sizeof own) == sizeof own ? 0 : 1);
  }
  close(ends[1]);
  int result = read(ends[0], cost, sizeof *cost) == sizeof *cost ? 0 : -1;
  close(ends[0]);
  waitpid(child, NULL, 0);
  return result;
}
