#include "live/metrics.h"

#include "live/protocol_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

static const td_time bounds[TD_HISTOGRAM_BUCKETS] = {
    100000,   250000,    500000,    1000000,   2500000,    5000000,    10000000,   25000000,
    50000000, 100000000, 250000000, 500000000, 1000000000, 2500000000, 5000000000, 10000000000};

void td_histogram_observe(struct td_histogram *histogram, td_time took)
{
    unsigned bucket = 0;
    while (bucket < TD_HISTOGRAM_BUCKETS && took > bounds[bucket])
        bucket++;
    histogram->counts[bucket]++;
    histogram->sum += took;
}

static void head(struct td_buffer *out, const char *name, const char *type, const char *help)
{
    td_buffer_string(out, "# HELP ");
    td_buffer_string(out, name);
    td_buffer_string(out, " ");
    td_buffer_string(out, help);
    td_buffer_string(out, "\n# TYPE ");
    td_buffer_string(out, name);
    td_buffer_string(out, " ");
    td_buffer_string(out, type);
    td_buffer_string(out, "\n");
}

/* The name of a sample, with one label unless that is NULL. */
static void sample(struct td_buffer *out, const char *name, const char *label, const char *value)
{
    td_buffer_string(out, name);
    if (label != NULL) {
        td_buffer_string(out, "{");
        td_buffer_string(out, label);
        td_buffer_string(out, "=\"");
        td_buffer_string(out, value);
        td_buffer_string(out, "\"}");
    }
    td_buffer_string(out, " ");
}

static void whole(struct td_buffer *out, const char *name, const char *label, const char *value,
                  uint64_t number)
{
    sample(out, name, label, value);
    td_buffer_unsigned(out, number);
    td_buffer_string(out, "\n");
}

static void counter(struct td_buffer *out, const char *name, const char *help, uint64_t number)
{
    head(out, name, "counter", help);
    whole(out, name, NULL, NULL, number);
}

static void gauge(struct td_buffer *out, const char *name, const char *help, uint64_t number)
{
    head(out, name, "gauge", help);
    whole(out, name, NULL, NULL, number);
}

static void seconds(struct td_buffer *out, const char *name, td_sum time)
{
    sample(out, name, NULL, NULL);
    td_buffer_sum(out, time);
    td_buffer_string(out, "\n");
}

static void histogram(struct td_buffer *out, const char *name, const char *help,
                      const struct td_histogram *observed)
{
    char line[128], bound[32];
    uint64_t count = 0;
    head(out, name, "histogram", help);
    (void)snprintf(line, sizeof line, "%s_bucket", name);
    for (unsigned i = 0; i < TD_HISTOGRAM_BUCKETS; i++) {
        count += observed->counts[i];
        (void)snprintf(bound, sizeof bound, "%g", (double)bounds[i] / (double)TD_NS_PER_S);
        whole(out, line, "le", bound, count);
    }
    count += observed->counts[TD_HISTOGRAM_BUCKETS];
    whole(out, line, "le", "+Inf", count);
    (void)snprintf(line, sizeof line, "%s_sum", name);
    seconds(out, line, observed->sum);
    (void)snprintf(line, sizeof line, "%s_count", name);
    whole(out, line, NULL, NULL, count);
}

static void orders(const struct td_metrics *metrics, struct td_buffer *out)
{
    static const char *const goals[TD_GOALS] = {"build", "fetch", "universe"};
    static const char name[] = "task_director_orders_total";
    head(out, name, "counter", "Orders given, by what they are for.");
    for (unsigned i = 0; i < TD_GOALS; i++)
        whole(out, name, "goal", goals[i], metrics->orders[i]);
    head(out, "task_director_results_total", "counter",
         "Steps that peers have reported as obtained.");
    whole(out, "task_director_results_total", "how", "build", metrics->built);
    whole(out, "task_director_results_total", "how", "fetch", metrics->fetched);
    counter(out, "task_director_duplicate_builds_total",
            "Steps that were built although the same artifact had been published before.",
            metrics->duplicates);
    counter(out, "task_director_duplicates_avoided_total",
            "Steps that were fetched after another peer of this authority had built them.",
            metrics->avoided);
    head(out, "task_director_saved_peer_seconds_total", "counter",
         "For each duplicate avoided, the step's mean build time minus what the fetch took, if "
         "that is positive.");
    seconds(out, "task_director_saved_peer_seconds_total", metrics->saved);
    counter(out, "task_director_aborts_total", "Orders that the authority took back.",
            metrics->aborts);
    head(out, "task_director_failures_total", "counter", "Orders that ended with a failed build.");
    whole(out, "task_director_failures_total", "result", "flaky", metrics->flaky);
    whole(out, "task_director_failures_total", "result", "broken", metrics->broken);
}

static void peers(const struct td_metrics *metrics, const struct td_gauges *gauges,
                  struct td_buffer *out)
{
    head(out, "task_director_peers", "gauge", "Peers that are present, by what they do.");
    whole(out, "task_director_peers", "state", "working", gauges->working);
    whole(out, "task_director_peers", "state", "waiting", gauges->waiting);
    whole(out, "task_director_peers", "state", "idle", gauges->idle);
    gauge(out, "task_director_peers_away",
          "Present peers that have lost their connection and may still come back.", gauges->away);
    head(out, "task_director_peers_done_total", "counter",
         "Peers that were told that they are "
         "done.");
    whole(out, "task_director_peers_done_total", "outcome", "ok", metrics->completed);
    whole(out, "task_director_peers_done_total", "outcome", "failed", metrics->failed);
    counter(out, "task_director_connections_lost_total",
            "Connections that broke while their peer was present.", metrics->lost);
    counter(out, "task_director_peers_given_up_total",
            "Peers that did not come back within their grace time.", metrics->given_up);
    gauge(out, "task_director_cohorts", "Cohorts with at least one peer present.", gauges->cohorts);
}

static void messages(struct td_buffer *out, const char *name, const char *help,
                     const uint64_t counts[TD_MESSAGE_KINDS], unsigned first, unsigned end)
{
    head(out, name, "counter", help);
    for (unsigned kind = first; kind < end; kind++)
        whole(out, name, "type", td_message_specs[kind].type, counts[kind]);
}

void td_metrics_write(const struct td_metrics *metrics, const struct td_gauges *gauges,
                      struct td_buffer *out)
{
    head(out, "task_director_build_info", "gauge", "Always 1; the version is a label.");
    whole(out, "task_director_build_info", "version", TD_VERSION, 1);
    gauge(out, "task_director_can_order", "1 if orders are given, 0 if /healthz says why not.",
          gauges->can_order);
    orders(metrics, out);
    peers(metrics, gauges, out);
    gauge(out, "task_director_connections", "Open websockets.", gauges->connections);
    counter(out, "task_director_connections_total", "Websockets that were opened.",
            metrics->connections);
    messages(out, "task_director_messages_received_total", "Messages from peers.",
             metrics->received, 0, TD_MESSAGE_BYE + 1);
    messages(out, "task_director_messages_sent_total", "Messages to peers.", metrics->sent,
             TD_MESSAGE_BYE + 1, TD_MESSAGE_KINDS);
    counter(out, "task_director_messages_refused_total",
            "Messages that were answered with an error and a closed connection.", metrics->refused);
    histogram(out, "task_director_queue_seconds",
              "From the receipt of a result to the hand-over of the peer's next order.",
              &metrics->queue);
    gauge(out, "task_director_newcomers_waiting",
          "Peers whose hello waits until a full journal is folded.", gauges->newcomers);
    histogram(out, "task_director_journal_commit_seconds", "Commits of the journal.",
              &metrics->commit);
}

/* Field `number`, from 1, of /proc/self/stat; those behind the program's name have no spaces. */
static bool read_stat(unsigned number, unsigned long long *value)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (file == NULL) return false;
    size_t length = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[length] = '\0';
    const char *at = strrchr(text, ')');
    for (unsigned field = 2; at != NULL && field < number; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL) return false;
    *value = strtoull(at, NULL, 10);
    return true;
}

/* When the system was started, in seconds since 1970; 0: not known. */
static unsigned long long boot_time(void)
{
    char line[256];
    unsigned long long found = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL) return 0;
    while (found == 0 && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "btime ", 6) == 0) found = strtoull(line + 6, NULL, 10);
    (void)fclose(file);
    return found;
}

void td_metrics_write_process(struct td_buffer *out)
{
    unsigned long long ticks = 0, pages = 0, boot = boot_time();
    long frequency = sysconf(_SC_CLK_TCK), page = sysconf(_SC_PAGESIZE);
    struct rusage usage;
    struct rlimit files;
    if (boot != 0 && frequency > 0 && read_stat(22, &ticks)) {
        head(out, "process_start_time_seconds", "gauge",
             "When the process was started, in seconds since 1970.");
        sample(out, "process_start_time_seconds", NULL, NULL);
        td_buffer_number(out, (double)boot + (double)ticks / (double)frequency);
        td_buffer_string(out, "\n");
    }
    if (page > 0 && read_stat(24, &pages))
        gauge(out, "process_resident_memory_bytes", "Memory that is in use.",
              pages * (unsigned long)page);
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        head(out, "process_cpu_seconds_total", "counter", "Processor time that was used.");
        seconds(out, "process_cpu_seconds_total",
                (td_sum)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * TD_NS_PER_S +
                    (td_sum)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000);
    }
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        gauge(out, "process_max_fds", "File descriptors that the process may have.",
              files.rlim_cur);
}
