#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "Clients.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int client_free_port(void) {
  // Below the ports that the kernel gives to outgoing connections.
  for (int attempt = 0; attempt < 100; attempt++) {
    int port = 10240 + (int)((unsigned)(getpid() * 31 + attempt * 97 + (int)time(NULL)) % 20000);
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = loopback(port);
    int is_free = bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
    close(descriptor);
    if (is_free) return port;
  }
  return -1;
}

static int can_connect(int port) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(port);
  int result = connect(descriptor, (struct sockaddr *)&address, sizeof address);
  close(descriptor);
  return result == 0;
}

int client_start_broker(const char *folder, int port) {
  char path[256];
  snprintf(path, sizeof path, "%s/broker.conf", folder);
  FILE *file = fopen(path, "we");
  if (file == NULL) return -1;
  fprintf(file,
          "listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n"
          "max_inflight_messages 0\nmax_queued_messages 0\nsys_interval 1\n%s",
          port, getuid() == 0 ? "user root\n" : "");
  fclose(file);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(127);
    setenv("PATH", "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin:/sbin:/bin", 1);
    execlp("mosquitto", "mosquitto", "-c", path, (char *)NULL);
    _exit(127);
  }
  for (int attempt = 0; attempt < 500; attempt++) {
    if (can_connect(port)) return child;
    if (waitpid(child, NULL, WNOHANG) == child) return -1;
    usleep(10000);
  }
  client_end(child, SIGKILL);
  return -1;
}

void client_end(int process, int signal_number) {
  kill(process, signal_number);
  if (!client_has_ended(process, 5000)) {
    kill(process, SIGKILL);
    client_has_ended(process, 5000);
  }
}

int client_has_ended(int process, int milliseconds) {
  for (int turn = 0; turn <= milliseconds; turn++) {
    pid_t ended = waitpid(process, NULL, WNOHANG);
    if (ended != 0) return 1;
    usleep(1000);
  }
  return 0;
}

int64_t client_processor_time(int process) {
  clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
  struct timespec now;
  if (process != 0 && clock_getcpuclockid(process, &clock) != 0) return -1;
  if (clock_gettime(clock, &now) != 0) return -1;
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int client_make_folder(char *template_path) { return mkdtemp(template_path) != NULL ? 0 : -1; }

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk) {
  (void)status, (void)kind, (void)walk;
  return remove(path);
}

void client_remove_folder(const char *path) { nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

double client_load(void) {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : -1;
}

int client_processor_count(void) { return (int)sysconf(_SC_NPROCESSORS_ONLN); }
