#include "report/spool.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE ((size_t)64 << 10)

struct td_spool {
    const struct td_disk *disk;
    struct td_outputs *outputs;
    pthread_mutex_t lock; /* guards all below */
    size_t memory_left;
    int fd;         /* -1 until it is needed */
    int64_t end;    /* of the file */
    size_t on_disk; /* extents in the file that nobody has taken */
};

struct td_spool *td_spool_create(const struct td_disk *disk, struct td_outputs *outputs,
                                 size_t memory)
{
    struct td_spool *spool = malloc(sizeof *spool);
    if (spool == NULL) return NULL;
    *spool = (struct td_spool){
        .disk = disk, .outputs = outputs, .memory_left = memory, .fd = -1, .on_disk = 0};
    int status = pthread_mutex_init(&spool->lock, NULL);
    TD_ASSERT(status == 0);
    return spool;
}

void td_spool_destroy(struct td_spool *spool)
{
    if (spool == NULL) return;
    if (spool->fd >= 0) (void)close(spool->fd);
    (void)pthread_mutex_destroy(&spool->lock);
    free(spool);
}

/* Sets aside room for the bytes: in memory (-1) or at the offset returned; -2 and an error if there
 * is no file. */
static int64_t take_room(struct td_spool *spool, size_t length, struct td_error *error)
{
    int64_t offset = -1;
    (void)pthread_mutex_lock(&spool->lock);
    if (length <= spool->memory_left) {
        spool->memory_left -= length;
    } else {
        if (spool->fd < 0) spool->fd = td_outputs_scratch(spool->outputs, error);
        offset = spool->fd < 0 ? -2 : spool->end;
        if (spool->fd >= 0) {
            spool->end += (int64_t)length;
            spool->on_disk++;
        }
    }
    (void)pthread_mutex_unlock(&spool->lock);
    return offset;
}

static void give_room_back(struct td_spool *spool, const struct td_extent *extent)
{
    (void)pthread_mutex_lock(&spool->lock);
    if (extent->offset < 0) {
        spool->memory_left += extent->length;
    } else if (--spool->on_disk == 0) {
        /* Nothing waits: start over. What is left behind is overwritten. */
        spool->end = 0;
    } else {
        /* Disk that is not needed any more; where holes cannot be punched it stays until the end.
         */
        (void)fallocate(spool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, extent->offset,
                        (off_t)extent->length);
    }
    (void)pthread_mutex_unlock(&spool->lock);
}

static bool write_extent(struct td_spool *spool, const char *bytes, size_t length, off_t offset,
                         struct td_error *error)
{
    while (length > 0) {
        ssize_t written = spool->disk->pwrite(spool->fd, bytes, length, offset);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0)
            return td_outputs_error(spool->outputs, "write", "a temporary file", errno, error);
        bytes += written;
        length -= (size_t)written;
        offset += written;
    }
    return true;
}

struct td_extent *td_spool_put(struct td_spool *spool, size_t stream, const char *bytes,
                               size_t length, struct td_error *error)
{
    int64_t offset = take_room(spool, length, error);
    if (offset == -2) return NULL;
    struct td_extent *extent = malloc(sizeof *extent + (offset < 0 ? length : 0));
    if (extent == NULL) {
        (void)td_error_memory(error, "the rows of tasks.csv that wait for their turn");
        return NULL;
    }
    *extent = (struct td_extent){.stream = stream, .length = length, .offset = offset};
    if (offset < 0) {
        if (length > 0) memcpy(extent->bytes, bytes, length);
    } else if (!write_extent(spool, bytes, length, offset, error)) {
        free(extent);
        return NULL;
    }
    return extent;
}

static bool read_back(struct td_spool *spool, const struct td_extent *extent,
                      struct td_error *error)
{
    char buffer[READ_SIZE];
    for (size_t done = 0; done < extent->length;) {
        size_t wanted = extent->length - done < READ_SIZE ? extent->length - done : READ_SIZE;
        ssize_t got = spool->disk->pread(spool->fd, buffer, wanted, extent->offset + (off_t)done);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0)
            return td_outputs_error(spool->outputs, "read", "a temporary file",
                                    got < 0 ? errno : EIO, error);
        if (!td_outputs_add(spool->outputs, extent->stream, buffer, (size_t)got, error))
            return false;
        done += (size_t)got;
    }
    return true;
}

bool td_spool_take(struct td_spool *spool, struct td_extent *extent, struct td_error *error)
{
    bool taken = extent->offset < 0 ? td_outputs_add(spool->outputs, extent->stream, extent->bytes,
                                                     extent->length, error)
                                    : read_back(spool, extent, error);
    give_room_back(spool, extent);
    free(extent);
    return taken;
}
