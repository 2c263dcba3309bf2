// The rivals of Weir's uplink, a broker, a subscriber, and the few system calls that the benchmark
// needs and the product does not.
#ifndef WEIR_BENCH_CLIENTS_H
#define WEIR_BENCH_CLIENTS_H

#include <stdint.h>

enum {
  // libmosquitto, driven from one loop, as fast as its window allows.
  client_libmosquitto = 0,
  // mosquitto_pub -l, which reads the messages from its standard input.
  client_mosquitto_pub = 1,
  // paho-mqtt in Python, with its own thread.
  client_paho = 2,
};

struct client_cost {
  double seconds;
  double cpu_seconds;
};

// Publishes the lines of a file on the topic with QoS 1, over and over, until so many were
// acknowledged, from memory but for mosquitto_pub. `script` is that of paho. 0, or -1.
int client_publish(int rival, int port, const char *topic, const char *file, int count, int window,
                   const char *script, struct client_cost *cost);

// A broker on a free port of the loopback, which keeps nothing; its process, or -1.
int client_start_broker(const char *folder, int port);
int client_free_port(void);
// Ends a process and waits for it.
void client_end(int process, int signal_number);
// Waits for the end of a process, at most so long. 1 when it has ended.
int client_has_ended(int process, int milliseconds);
// The processor time of a process, ns; 0 for this one. -1 if there is none.
int64_t client_processor_time(int process);
int client_make_folder(char *template_path);
void client_remove_folder(const char *path);
// What the machine is busy with: the load of the last minute, and its processors.
double client_load(void);
int client_processor_count(void);

// A subscriber, which knows of each event that comes its number and when it came.
struct listener;
struct arrival {
  uint64_t sequence;
  // ns of CLOCK_BOOTTIME.
  int64_t time;
};
// Connects and subscribes; NULL if that failed.
struct listener *listener_open(int port, const char *topic);
void listener_close(struct listener *listener);
// Waits for messages, at most so long.
void listener_step(struct listener *listener, int milliseconds);
// The next arrival; 0 when there is none.
int listener_take(struct listener *listener, struct arrival *arrival);
// The last number that came as a whole payload ($SYS topics); -1 before.
int64_t listener_number(const struct listener *listener);

#endif
