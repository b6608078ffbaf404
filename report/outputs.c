#include "report/outputs.h"

#include "base/assert.h"
#include "base/thread.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)256 << 10)
#define HEX_DIGITS 16
#define SUFFIX_LENGTH (1 + HEX_DIGITS + 4) /* ".0123456789abcdef.tmp" */
#define NAME_SIZE 64

static int real_openat(int dir, const char *name, int flags, mode_t mode)
{
    return openat(dir, name, flags, mode);
}

const struct td_disk td_disk_real = {
    .mkdir = mkdir,
    .openat = real_openat,
    .write = write,
    .pwrite = pwrite,
    .pread = pread,
    .fsync = fsync,
    .linkat = linkat,
    .renameat = renameat,
};

struct output {
    const char *name;
    int fd;                    /* -1: not open */
    char temporary[NAME_SIZE]; /* empty: none stands in the directory */
    char earlier[NAME_SIZE];   /* second name of what stood there before; empty: none */
    bool renamed;
    char *buffer;
    size_t used;
};

/* A thread that writes one block while the next one is filled. */
struct writer {
    bool started;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    bool busy; /* the block is the thread's */
    bool stop;
    bool failed;
    struct td_error error;
    struct td_buffer block;
    struct output *file;
};

struct td_outputs {
    const struct td_disk *disk;
    char *dir;
    size_t made_from; /* length of the first path that was made for DIR; 0: none was */
    int dir_fd;
    bool committed;
    struct writer writer;
    size_t count;
    struct output files[TD_OUTPUTS_MAX];
};

static const char *mend(int reason)
{
    switch (reason) {
    case ENOSPC:
    case EDQUOT:
        return "free some space, write fewer intervals with --tasks, or give another directory";
    case EFBIG:
        return "raise the limit on file sizes (ulimit -f) or write fewer intervals with --tasks";
    case EACCES:
    case EPERM:
    case EROFS:
        return "give a directory that you may write to";
    case EISDIR:
    case ENOTDIR:
    case EEXIST:
        return "move what is in the way, or give another directory";
    case EMFILE:
    case ENFILE:
        return "raise the limit on open files (ulimit -n)";
    case ENAMETOOLONG:
        return "give a shorter path";
    default:
        return "give another directory";
    }
}

/* A directory that cannot be one is the user's input; a disk that gives up is not. */
static enum td_fault fault_of(int reason)
{
    switch (reason) {
    case EACCES:
    case EPERM:
    case EROFS:
    case EISDIR:
    case ENOTDIR:
    case EEXIST:
    case ELOOP:
    case ENOENT:
    case ENAMETOOLONG:
        return TD_FAULT_INPUT;
    default:
        return TD_FAULT_RUN;
    }
}

static bool path_error(const char *verb, const char *path, int reason, struct td_error *error)
{
    return td_error_set(error, fault_of(reason), "cannot %s %s: %s: %s", verb, path,
                        strerror(reason), mend(reason));
}

bool td_outputs_error(const struct td_outputs *outputs, const char *verb, const char *name,
                      int reason, struct td_error *error)
{
    size_t length = strlen(outputs->dir);
    const char *slash = length > 0 && outputs->dir[length - 1] == '/' ? "" : "/";
    return td_error_set(error, fault_of(reason), "cannot %s %s%s%s: %s: %s", verb, outputs->dir,
                        slash, name, strerror(reason), mend(reason));
}

/* Makes the directories of the path that are missing, and remembers the first of them. */
static bool make_dir(struct td_outputs *outputs, struct td_error *error)
{
    char *path = outputs->dir;
    size_t length = strlen(path);
    for (size_t end = 1; end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0') continue;
        if (path[end - 1] == '/') continue;
        char kept = path[end];
        path[end] = '\0';
        int status = outputs->disk->mkdir(path, 0777);
        int reason = status == 0 ? 0 : errno;
        struct stat found;
        /* mkdir may answer EROFS or EACCES for a directory that stands. */
        bool stands = reason != 0 && stat(path, &found) == 0;
        if (stands && !S_ISDIR(found.st_mode)) reason = ENOTDIR;
        if (reason == ENOTDIR || (reason != 0 && !stands)) {
            (void)path_error("make the directory", path, reason, error);
            path[end] = kept;
            return false;
        }
        path[end] = kept;
        if (reason == 0 && outputs->made_from == 0) outputs->made_from = end;
    }
    return true;
}

/* What was made for nothing goes again, from the end; a directory that others use stays. */
static void unmake_dir(struct td_outputs *outputs)
{
    char *path = outputs->dir;
    size_t end = outputs->made_from == 0 ? 0 : strlen(path);
    while (end >= outputs->made_from && end > 0) {
        path[end] = '\0';
        if (path[end - 1] != '/' && rmdir(path) != 0 && errno != ENOENT) return;
        do
            end--;
        while (end > 0 && path[end] != '/');
    }
}

/* True for the temporaries of any run's file of that name. */
static bool is_temporary_of(const char *entry, const char *name)
{
    size_t length = strlen(name);
    if (strlen(entry) != 1 + length + SUFFIX_LENGTH || entry[0] != '.') return false;
    if (memcmp(entry + 1, name, length) != 0 || entry[1 + length] != '.') return false;
    const char *digits = entry + 1 + length + 1;
    return strspn(digits, "0123456789abcdef") == HEX_DIGITS &&
           strcmp(digits + HEX_DIGITS, ".tmp") == 0;
}

/* Removes what killed runs left; called with the directory locked. Its failures harm nobody. */
static void sweep(struct td_outputs *outputs)
{
    int fd = openat(outputs->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = fd < 0 ? NULL : fdopendir(fd);
    if (listing == NULL) {
        if (fd >= 0) (void)close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(listing)) != NULL;) {
        bool ours = false;
        for (size_t i = 0; i < outputs->count && !ours; i++)
            ours = is_temporary_of(entry->d_name, outputs->files[i].name);
        if (!ours) continue;
        int left = openat(outputs->dir_fd, entry->d_name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (left < 0) continue;
        if (flock(left, LOCK_EX | LOCK_NB) == 0) (void)unlinkat(outputs->dir_fd, entry->d_name, 0);
        (void)close(left);
    }
    (void)closedir(listing);
}

/* Opens a new file of a name that nothing has. */
static int open_unique(const struct td_outputs *outputs, const char *name, char *temporary)
{
    for (int tries = 0; tries < 100; tries++) {
        uint64_t random;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random) return -1;
        int length =
            snprintf(temporary, NAME_SIZE, ".%s.%0*" PRIx64 ".tmp", name, HEX_DIGITS, random);
        TD_ASSERT(length > 0 && length < NAME_SIZE);
        int fd = outputs->disk->openat(outputs->dir_fd, temporary,
                                       O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

static bool open_file(struct td_outputs *outputs, struct output *file, struct td_error *error)
{
    struct stat found;
    if (fstatat(outputs->dir_fd, file->name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(found.st_mode))
        return td_outputs_error(outputs, "write", file->name, EISDIR, error);

    char temporary[NAME_SIZE];
    file->fd = open_unique(outputs, file->name, temporary);
    if (file->fd < 0) return td_outputs_error(outputs, "create", file->name, errno, error);
    memcpy(file->temporary, temporary, NAME_SIZE);
    (void)flock(file->fd, LOCK_EX | LOCK_NB); /* nobody else can have it yet */

    file->buffer = malloc(BUFFER_SIZE);
    return file->buffer != NULL || td_error_memory(error, "the buffers of the CSV files");
}

struct td_outputs *td_outputs_open(const struct td_disk *disk, const char *dir,
                                   const char *const *names, size_t count, struct td_error *error)
{
    TD_ASSERT(count <= TD_OUTPUTS_MAX);
    if (dir[0] == '\0') {
        (void)td_error_set(error, TD_FAULT_INPUT,
                           "the directory for the CSV files has an empty name: give one");
        return NULL;
    }
    struct td_outputs *outputs = calloc(1, sizeof *outputs);
    char *path = strdup(dir);
    if (outputs == NULL || path == NULL) {
        (void)td_error_memory(error, "the CSV files");
        free(path);
        free(outputs);
        return NULL;
    }
    *outputs = (struct td_outputs){.disk = disk, .dir = path, .dir_fd = -1, .count = count};
    int status = pthread_mutex_init(&outputs->writer.lock, NULL);
    status |= pthread_cond_init(&outputs->writer.changed, NULL);
    TD_ASSERT(status == 0);
    for (size_t i = 0; i < count; i++)
        outputs->files[i] = (struct output){.name = names[i], .fd = -1};

    if (!make_dir(outputs, error)) goto fail;
    outputs->dir_fd = disk->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (outputs->dir_fd < 0) {
        (void)path_error("open the directory", path, errno, error);
        goto fail;
    }
    (void)flock(outputs->dir_fd, LOCK_EX);
    sweep(outputs);
    for (size_t i = 0; i < count; i++)
        if (!open_file(outputs, &outputs->files[i], error)) goto fail;
    (void)flock(outputs->dir_fd, LOCK_UN);
    return outputs;

fail:
    td_outputs_destroy(outputs);
    return NULL;
}

static bool write_out(struct td_outputs *outputs, struct output *file, const char *bytes,
                      size_t length, struct td_error *error)
{
    while (length > 0) {
        ssize_t written = outputs->disk->write(file->fd, bytes, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return td_outputs_error(outputs, "write", file->name, errno, error);
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

static bool flush(struct td_outputs *outputs, struct output *file, struct td_error *error)
{
    size_t used = file->used;
    file->used = 0;
    return write_out(outputs, file, file->buffer, used, error);
}

static void *write_blocks(void *context)
{
    struct td_outputs *outputs = context;
    struct writer *writer = &outputs->writer;
    (void)pthread_mutex_lock(&writer->lock);
    for (;;) {
        while (!writer->busy && !writer->stop)
            (void)pthread_cond_wait(&writer->changed, &writer->lock);
        if (!writer->busy) break;
        (void)pthread_mutex_unlock(&writer->lock);
        struct td_error error;
        bool written =
            write_out(outputs, writer->file, writer->block.bytes, writer->block.length, &error);
        /* the disk may begin: a commit waits for it. That it cannot be told harms nobody. */
        (void)sync_file_range(writer->file->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        (void)pthread_mutex_lock(&writer->lock);
        if (!written) writer->error = error;
        writer->failed = !written;
        writer->block.length = 0;
        writer->busy = false;
        (void)pthread_cond_signal(&writer->changed);
    }
    (void)pthread_mutex_unlock(&writer->lock);
    return NULL;
}

/* Waits until the block at hand is written. False if one could not be, once. */
static bool settle(struct td_outputs *outputs, struct td_error *error)
{
    struct writer *writer = &outputs->writer;
    if (!writer->started) return true;
    (void)pthread_mutex_lock(&writer->lock);
    while (writer->busy)
        (void)pthread_cond_wait(&writer->changed, &writer->lock);
    bool failed = writer->failed;
    writer->failed = false;
    if (failed && error != NULL) *error = writer->error;
    (void)pthread_mutex_unlock(&writer->lock);
    return !failed;
}

static void writer_destroy(struct writer *writer)
{
    if (writer->started) {
        (void)pthread_mutex_lock(&writer->lock);
        writer->stop = true;
        (void)pthread_cond_signal(&writer->changed);
        (void)pthread_mutex_unlock(&writer->lock);
        (void)pthread_join(writer->thread, NULL);
    }
    td_buffer_free(&writer->block);
    (void)pthread_cond_destroy(&writer->changed);
    (void)pthread_mutex_destroy(&writer->lock);
}

bool td_outputs_give(struct td_outputs *outputs, size_t at, struct td_buffer *block,
                     struct td_error *error)
{
    struct writer *writer = &outputs->writer;
    struct output *file = &outputs->files[at];
    if (!settle(outputs, error) || !flush(outputs, file, error)) return false;
    if (!writer->started) writer->started = td_thread_start(&writer->thread, write_blocks, outputs);
    if (!writer->started) { /* without a thread it takes longer */
        bool written = write_out(outputs, file, block->bytes, block->length, error);
        block->length = 0;
        return written;
    }
    (void)pthread_mutex_lock(&writer->lock);
    struct td_buffer empty = writer->block;
    writer->block = *block;
    writer->file = file;
    writer->busy = true;
    *block = empty;
    (void)pthread_cond_signal(&writer->changed);
    (void)pthread_mutex_unlock(&writer->lock);
    return true;
}

bool td_outputs_add(struct td_outputs *outputs, size_t at, const char *bytes, size_t length,
                    struct td_error *error)
{
    struct output *file = &outputs->files[at];
    if (!settle(outputs, error)) return false;
    if (length > BUFFER_SIZE - file->used && !flush(outputs, file, error)) return false;
    if (length > BUFFER_SIZE) return write_out(outputs, file, bytes, length, error);
    if (length > 0) memcpy(file->buffer + file->used, bytes, length);
    file->used += length;
    return true;
}

/* Gives what stands under the final name a second name, so that it can be put back. */
static bool keep_earlier(struct td_outputs *outputs, struct output *file, struct td_error *error)
{
    int dir = outputs->dir_fd;
    struct stat found;
    if (fstatat(dir, file->name, &found, AT_SYMLINK_NOFOLLOW) != 0) return true;
    if (S_ISDIR(found.st_mode))
        return td_outputs_error(outputs, "replace", file->name, EISDIR, error);

    char earlier[NAME_SIZE];
    size_t length = strlen(file->temporary);
    memcpy(earlier, file->temporary, length + 1);
    memcpy(earlier + length - 3, "old", 3);
    /* Where there are no hard links the name is free for a moment. */
    if (outputs->disk->linkat(dir, file->name, dir, earlier, 0) != 0 &&
        outputs->disk->renameat(dir, file->name, dir, earlier) != 0)
        return td_outputs_error(outputs, "replace", file->name, errno, error);
    memcpy(file->earlier, earlier, sizeof earlier);
    return true;
}

static bool put_in_place(struct td_outputs *outputs, struct output *file, struct td_error *error)
{
    if (!keep_earlier(outputs, file, error)) return false;
    int dir = outputs->dir_fd;
    if (outputs->disk->renameat(dir, file->temporary, dir, file->name) != 0)
        return td_outputs_error(outputs, "write", file->name, errno, error);
    file->renamed = true;
    file->temporary[0] = '\0';
    return true;
}

/* Takes a rename back; plain system calls, since an undo that is made to fail proves nothing. */
static void put_back(struct td_outputs *outputs, struct output *file)
{
    int dir = outputs->dir_fd;
    if (file->earlier[0] != '\0')
        (void)renameat(dir, file->earlier, dir, file->name);
    else if (file->renamed)
        (void)unlinkat(dir, file->name, 0);
    /* Two names of one file: rename does nothing, so the second name may still stand. */
    if (file->earlier[0] != '\0') (void)unlinkat(dir, file->earlier, 0);
    file->earlier[0] = '\0';
    file->renamed = false;
}

bool td_outputs_commit(struct td_outputs *outputs, struct td_error *error)
{
    TD_ASSERT(!outputs->committed);
    if (!settle(outputs, error)) return false;
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *file = &outputs->files[i];
        if (!flush(outputs, file, error)) return false;
        if (outputs->disk->fsync(file->fd) != 0)
            return td_outputs_error(outputs, "sync", file->name, errno, error);
    }

    (void)flock(outputs->dir_fd, LOCK_EX);
    size_t placed = 0;
    while (placed < outputs->count && put_in_place(outputs, &outputs->files[placed], error))
        placed++;
    bool done = placed == outputs->count;
    /* Some file systems cannot sync a directory, and say EINVAL. */
    if (done && outputs->disk->fsync(outputs->dir_fd) != 0 && errno != EINVAL)
        done = td_outputs_error(outputs, "sync", "", errno, error);
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *file = &outputs->files[i];
        if (!done)
            put_back(outputs, file);
        else if (file->earlier[0] != '\0')
            (void)unlinkat(outputs->dir_fd, file->earlier, 0);
    }
    (void)flock(outputs->dir_fd, LOCK_UN);
    outputs->committed = done;
    return done;
}

void td_outputs_destroy(struct td_outputs *outputs)
{
    if (outputs == NULL) return;
    writer_destroy(&outputs->writer);
    for (size_t i = 0; i < outputs->count; i++) {
        struct output *file = &outputs->files[i];
        if (file->temporary[0] != '\0') (void)unlinkat(outputs->dir_fd, file->temporary, 0);
        if (file->fd >= 0) (void)close(file->fd);
        free(file->buffer);
    }
    if (outputs->dir_fd >= 0) (void)close(outputs->dir_fd);
    if (!outputs->committed) unmake_dir(outputs);
    free(outputs->dir);
    free(outputs);
}

int td_outputs_scratch(struct td_outputs *outputs, struct td_error *error)
{
    int fd = outputs->disk->openat(outputs->dir_fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    /* No O_TMPFILE on this file system: a name for a moment. */
    char temporary[NAME_SIZE];
    fd = open_unique(outputs, outputs->files[0].name, temporary);
    if (fd < 0) {
        (void)td_outputs_error(outputs, "create", "a temporary file", errno, error);
        return -1;
    }
    (void)unlinkat(outputs->dir_fd, temporary, 0);
    return fd;
}
