#include "policies/loader.h"

#include "base/text.h"
#include "policies/policies.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONGEST_NAME 128u /* characters, as for all names in a scenario */

/* What is being loaded, for the messages. */
struct source {
    const char *place, *path;
    struct td_error *error;
};

/* The error "PLACE: policy PATH ..."; returns NULL, which no policy is. */
__attribute__((format(printf, 2, 3))) static const struct td_policy *
refuse(const struct source *source, const char *format, ...)
{
    char quote[TD_QUOTE_SIZE];
    struct td_error why;
    va_list args;
    va_start(args, format);
    (void)td_error_vset(&why, TD_FAULT_INPUT, format, args);
    va_end(args);
    (void)td_error_set(source->error, TD_FAULT_INPUT, "%s: policy %s %s", source->place,
                       td_text_quote(source->path, quote), why.text);
    return NULL;
}

bool td_policy_is_path(const char *name)
{
    size_t length = strlen(name);
    return memchr(name, '/', length) != NULL ||
           (length >= 3 && strcmp(name + length - 3, ".so") == 0);
}

/* Writes the file that `path` means, always with a '/': without one, the system would search the
 * folders of its libraries. False if that is too long. */
static bool locate(const char *path, const char *beside, char file[static TD_POLICY_PATH])
{
    size_t length = strlen(path), folder = beside == NULL || path[0] == '/' ? 0 : strlen(beside);
    while (folder > 0 && beside[folder - 1] != '/')
        folder--;
    if (folder == 0 && memchr(path, '/', length) == NULL) {
        beside = "./";
        folder = 2;
    }
    if (length >= TD_POLICY_PATH || folder >= TD_POLICY_PATH - length) return false;
    /* The zero comes with the path. NOLINTNEXTLINE(bugprone-not-null-terminated-result) */
    if (folder > 0) memcpy(file, beside, folder);
    memcpy(file + folder, path, length + 1);
    return true;
}

/* False if the ELF file of `size` bytes ends before what the system would map of it: a copy that
 * was broken off, and of which the first touch would kill the program. Other files are not judged.
 */
static bool is_whole(int file, uint64_t size)
{
    ElfW(Ehdr) header;
    ElfW(Phdr) part;
    if (pread(file, &header, sizeof header, 0) != (ssize_t)sizeof header ||
        memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof part)
        return true;
    for (uint64_t i = 0; i < header.e_phnum; i++) {
        uint64_t place = header.e_phoff + i * sizeof part;
        if (place > size || pread(file, &part, sizeof part, (off_t)place) != (ssize_t)sizeof part)
            return false;
        if (part.p_type == PT_LOAD &&
            (part.p_offset > size || part.p_filesz > size - part.p_offset))
            return false;
    }
    return true;
}

/* What the file's look says against loading it, NULL for nothing. What cannot be opened is left to
 * dlopen(), which says why. */
static const char *flaw(const char *path)
{
    struct stat status;
    const char *found = NULL;
    /* Not to wait for the writer of a pipe. */
    int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return NULL;
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        found = "is no file: name a shared object that holds a policy";
    else if (!is_whole(file, (uint64_t)status.st_size))
        found = "is cut off: its file is shorter than its header says, so build or copy it anew";
    (void)close(file);
    return found;
}

/* The system's reason for what just failed, without the path in front of it. */
static const char *reason(const char *file)
{
    const char *text = dlerror();
    size_t length = strlen(file);
    if (text == NULL) return "the system does not say why";
    return strncmp(text, file, length) == 0 && strncmp(text + length, ": ", 2) == 0
               ? text + length + 2
               : text;
}

/* Whether there is something to see in the text. */
static bool is_visible(const char *text)
{
    uint32_t code;
    for (size_t length = strlen(text), size; length > 0; text += size, length -= size) {
        size = td_utf8_decode(text, length, &code);
        if (size == 0) return false;
        if (!td_code_is_space(code)) return true;
    }
    return false;
}

static const struct td_policy *check(const struct source *source, const struct td_policy *policy)
{
    /* Of another ABI nothing else is known, not even where its name would be. */
    if (policy->abi != TD_POLICY_ABI)
        return refuse(source,
                      "is made for ABI %u of policies and this program has ABI %u: rebuild it with "
                      "the headers of this program",
                      policy->abi, TD_POLICY_ABI);
    size_t length = policy->name == NULL ? 0 : td_text_printable_length(policy->name);
    if (length < 1 || length > LONGEST_NAME || !is_visible(policy->name))
        return refuse(source,
                      "has no proper name: its td_policy needs one of 1 to %u printable "
                      "characters in .name",
                      LONGEST_NAME);
    if (td_policy_find(policy->name) != NULL)
        return refuse(source,
                      "calls itself '%s', as a policy of this program does: give it another .name",
                      policy->name);
    if (policy->summary == NULL || !is_visible(policy->summary) ||
        td_text_printable_length(policy->summary) == SIZE_MAX)
        return refuse(source,
                      "('%s') has no proper summary: its td_policy needs one line of printable "
                      "characters in .summary",
                      policy->name);
    if (policy->choose == NULL)
        return refuse(source,
                      "('%s') chooses nothing: its td_policy needs a function in .choose, such as "
                      "td_directed_choose",
                      policy->name);
    if ((unsigned)policy->wake > TD_WAKE_NONE)
        return refuse(source, "('%s') has %u in .wake: it must be one of enum td_wake",
                      policy->name, (unsigned)policy->wake);
    const unsigned needs =
        TD_NEEDS_ESTIMATES | TD_NEEDS_LOTS | TD_NEEDS_TIMES | TD_NEEDS_STEPS_ONLY;
    if ((policy->needs & ~needs) != 0)
        return refuse(source, "('%s') has %#x in .needs: it must be made of enum td_needs",
                      policy->name, policy->needs);
    return policy;
}

const struct td_policy *td_policy_load(const char *path, const char *beside, const char *place,
                                       struct td_error *error)
{
    const struct source source = {place, path, error};
    char file[TD_POLICY_PATH];

    if (!locate(path, beside, file))
        return refuse(&source, "has a path of more than %d bytes", TD_POLICY_PATH - 1);
    const char *against = flaw(file);
    if (against != NULL) return refuse(&source, "%s", against);
    void *object = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (object == NULL) return refuse(&source, "cannot be loaded: %s", reason(file));
    const struct td_policy *policy = dlsym(object, "td_policy");
    if (policy == NULL)
        (void)refuse(&source, "has no td_policy in it: define 'const struct td_policy td_policy' "
                              "there, as docs/policies.md shows");
    else
        policy = check(&source, policy);
    /* Whatever the message quotes has been copied. */
    if (policy == NULL) (void)dlclose(object);
    return policy;
}
