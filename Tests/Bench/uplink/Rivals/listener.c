#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "Clients.h"

#include <mosquitto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { arrival_count_max = 1 << 16 };

struct listener {
  struct mosquitto *client;
  struct arrival arrivals[arrival_count_max];
  unsigned first, count;
  int is_subscribed;
  int64_t number;
};

static void on_subscribe(struct mosquitto *client, void *context, int identifier, int count,
                         const int *codes) {
  (void)client, (void)identifier, (void)count, (void)codes;
  ((struct listener *)context)->is_subscribed = 1;
}

static void on_message(struct mosquitto *client, void *context,
                       const struct mosquitto_message *message) {
  (void)client;
  struct listener *listener = context;
  struct timespec time;
  clock_gettime(CLOCK_BOOTTIME, &time);
  const char *place = message->payload, *end = place + message->payloadlen;
  if (place == NULL) return;
  if (strncmp(message->topic, "$SYS", 4) == 0) {
    char text[32] = {0};
    size_t size = (size_t)message->payloadlen < sizeof text - 1 ? (size_t)message->payloadlen : 31;
    memcpy(text, place, size);
    listener->number = atoll(text);
    return;
  }
  static const char label[] = "\"seq\":";
  while ((place = memmem(place, (size_t)(end - place), label, sizeof label - 1)) != NULL) {
    place += sizeof label - 1;
    uint64_t sequence = 0;
    while (place < end && *place >= '0' && *place <= '9')
      sequence = sequence * 10 + (uint64_t)(*place++ - '0');
    if (listener->count == arrival_count_max) continue;
    listener->arrivals[(listener->first + listener->count++) % arrival_count_max] =
        (struct arrival){sequence, time.tv_sec * 1000000000LL + time.tv_nsec};
  }
}

struct listener *listener_open(int port, const char *topic) {
  mosquitto_lib_init();
  struct listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return NULL;
  listener->number = -1;
  listener->client = mosquitto_new("listener", true, listener);
  if (listener->client == NULL) return NULL;
  mosquitto_int_option(listener->client, MOSQ_OPT_TCP_NODELAY, 1);
  mosquitto_subscribe_callback_set(listener->client, on_subscribe);
  mosquitto_message_callback_set(listener->client, on_message);
  if (mosquitto_connect(listener->client, "127.0.0.1", port, 600) != MOSQ_ERR_SUCCESS ||
      mosquitto_subscribe(listener->client, NULL, topic, 0) != MOSQ_ERR_SUCCESS)
    return NULL;
  for (int turn = 0; turn < 100 && !listener->is_subscribed; turn++) listener_step(listener, 50);
  return listener->is_subscribed ? listener : NULL;
}

void listener_close(struct listener *listener) {
  mosquitto_disconnect(listener->client);
  mosquitto_destroy(listener->client);
  free(listener);
}

void listener_step(struct listener *listener, int milliseconds) {
  struct pollfd item = {.fd = mosquitto_socket(listener->client), .events = POLLIN};
  if (mosquitto_want_write(listener->client)) item.events |= POLLOUT;
  if (poll(&item, 1, milliseconds) <= 0) return;
  // One packet a call: it asks for more only while messages of its own are under way.
  if (item.revents & POLLIN) mosquitto_loop_read(listener->client, 1);
  if (item.revents & POLLOUT) mosquitto_loop_write(listener->client, 1);
}

int listener_take(struct listener *listener, struct arrival *arrival) {
  if (listener->count == 0) return 0;
  *arrival = listener->arrivals[listener->first];
  listener->first = (listener->first + 1) % arrival_count_max;
  listener->count--;
  return 1;
}

int64_t listener_number(const struct listener *listener) { return listener->number; }
