// The program that the rivals supervise: "PROGRAM FILE PLACE [TOUCHED]". It beats, and does nothing
// else. Without arguments it reads them from the file "arguments" in its folder, so that it can be
// the run program of a service itself, without a shell before it.
#include <stdio.h>
#include <stdlib.h>

#include "Beats.h"

int main(int count, char **arguments) {
  char path[256];
  int place = -1;
  if (count >= 3) {
    snprintf(path, sizeof path, "%s", arguments[1]);
    place = atoi(arguments[2]);
  } else {
    FILE *file = fopen("arguments", "re");
    if (file == NULL || fscanf(file, "%255s %d", path, &place) != 2) return 2;
    fclose(file);
  }
  if (place < 0 || place >= bench_place_count || bench_beats_open(path) != 0) return 1;
  bench_run_task(place, count > 3 ? arguments[3] : NULL);
}
