/*
 * The shim's power cut (LD_PRELOAD; off unless CHAOS_LIVE and CHAOS_PLATTER are set: two folders on one file system). The program works in
 * LIVE as ever; all of that is the volatile cache. What would be there after a power cut is in PLATTER:
 *
 *   PLATTER/inodes/<inode>-<birth>   the durable content of a file of LIVE
 *   PLATTER/tree/...                 the durable names: hard links to those
 *
 *   fsync, fdatasync of a file    its content becomes durable, as it is now. If it has no durable name yet, the one it has now becomes
 *                                 durable, with the folders above: every journaling Linux file system does that, and PostgreSQL relies on it.
 *   fsync of a folder             its names become durable as they are now: new ones, renamed ones, and that others are gone. A file whose
 *                                 content was never synced is there, and empty. What is inside of its subfolders is not touched.
 *   everything else               is lost: writes, renames and removals without the above. sync_file_range is no promise (its manual says
 *                                 so). Writes through O_SYNC, O_DSYNC and msync are not seen: the caller configures the server not to use them.
 *
 * The real fsync is not called: the machine does not lose its power. A birth time is part of a file's name since inode numbers are reused.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The two folders may be as deep as the system allows, and what stands below them is short. */
#define LONG_PATH (2 * PATH_MAX)

static const char *live, *platter;

/* Where the durable content of this open file or name (relative to a folder) is kept. */
static int inode_path(char *path, int folder, const char *name)
{
    struct statx found;
    int flags = *name ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH;
    if (statx(folder, name, flags, STATX_INO | STATX_BTIME, &found) != 0)
        return -1;
    if (!(found.stx_mask & STATX_BTIME)) {
        errno = ENOTSUP;
        return -1;
    }
    snprintf(path, LONG_PATH, "%s/inodes/%llu-%lld.%09u", platter, (unsigned long long)found.stx_ino,
             (long long)found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
    return 0;
}

/* Give a durable content a durable name, in place of whatever had that name. */
static int name_it(const char *inode, const char *path)
{
    char draft[LONG_PATH];
    snprintf(draft, sizeof draft, "%s/draft", platter);
    unlink(draft);
    return link(inode, draft) != 0 ? -1 : rename(draft, path);
}

static int make_folders_above(const char *path)
{
    char folder[LONG_PATH];
    snprintf(folder, sizeof folder, "%s", path);
    for (char *slash = folder + strlen(platter) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = '\0';
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

static int copy(int from, int to)
{
    char block[65536];
    off_t at = 0;
    for (;;) {
        ssize_t got = pread(from, block, sizeof block, at);
        if (got < 0)
            return -1;
        if (got == 0)
            return ftruncate(to, at);
        if (pwrite(to, block, (size_t)got, at) != got)
            return -1;
        at += got;
    }
}

static int sync_file(int fd, const char *durable)
{
    char inode[LONG_PATH], again[64];
    struct stat kept;
    if (inode_path(inode, fd, "") != 0)
        return -1;
    /* The descriptor may be for writing alone. */
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    int from = open(again, O_RDONLY | O_CLOEXEC), to = open(inode, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int result = from < 0 || to < 0 ? -1 : copy(from, to);
    if (result == 0)
        result = fstat(to, &kept);
    if (result == 0 && kept.st_nlink == 1)
        result = make_folders_above(durable) != 0 ? -1 : name_it(inode, durable);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    return result;
}

static int keep_name(int folder, const char *name, const char *durable)
{
    struct stat is, was, content;
    char inode[LONG_PATH], target[PATH_MAX];
    if (fstatat(folder, name, &is, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1;  /* removed by somebody else a moment ago */
    if (S_ISDIR(is.st_mode))
        return mkdir(durable, 0700) != 0 && errno != EEXIST ? -1 : 0;
    if (S_ISLNK(is.st_mode)) {
        ssize_t length = readlinkat(folder, name, target, sizeof target - 1);
        if (length < 0)
            return -1;
        target[length] = '\0';
        return symlink(target, durable) != 0 && errno != EEXIST ? -1 : 0;
    }
    if (!S_ISREG(is.st_mode))
        return 0;
    if (inode_path(inode, folder, name) != 0)
        return errno == ENOENT ? 0 : -1;
    int kept = open(inode, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (kept < 0)
        return -1;
    int result = fstat(kept, &content);
    close(kept);
    if (result != 0 || (lstat(durable, &was) == 0 && was.st_ino == content.st_ino))
        return result;
    return name_it(inode, durable);
}

static int remove_all(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOTDIR ? unlink(path) : -1;
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(folder));) {
        char inner[LONG_PATH];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name) >= (int)sizeof inner) {
            errno = ENAMETOOLONG;
            result = -1;
        } else {
            result = entry->d_type == DT_DIR ? remove_all(inner) : unlink(inner);
        }
    }
    closedir(folder);
    return result != 0 ? -1 : rmdir(path);
}

/* Both directions in turn: names that are in the live folder are kept, and those that are no longer there are removed. */
static int for_each_name(const char *listed, int live_folder, const char *durable, bool keeping)
{
    DIR *folder = opendir(listed);
    if (!folder)
        return -1;
    int result = 0;
    for (struct dirent *entry; result == 0 && (entry = readdir(folder));) {
        char path[LONG_PATH];
        struct stat is;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", durable, entry->d_name) >= (int)sizeof path) {
            errno = ENAMETOOLONG;
            result = -1;
        } else if (keeping) {
            result = keep_name(live_folder, entry->d_name, path);
        } else if (fstatat(live_folder, entry->d_name, &is, AT_SYMLINK_NOFOLLOW) != 0) {
            result = entry->d_type == DT_DIR ? remove_all(path) : unlink(path);
        }
    }
    closedir(folder);
    return result;
}

static int sync_folder(int fd, const char *durable)
{
    char again[64];
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    if (make_folders_above(durable) != 0 || (mkdir(durable, 0700) != 0 && errno != EEXIST))
        return -1;
    return for_each_name(again, fd, durable, true) != 0 ? -1 : for_each_name(durable, fd, durable, false);
}

/* One at a time on the whole machine; the kernel frees the lock of a process that is killed. */
static int lock_platter(void)
{
    char path[LONG_PATH];
    snprintf(path, sizeof path, "%s/lock", platter);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0)
        if (errno != EINTR) {
            close(lock);
            return -1;
        }
    return lock;
}

/* Whether the file is in the live folder; then its place among the durable names is written to `durable`. */
static bool is_live(int fd, char *durable)
{
    char link[64], path[PATH_MAX];
    if (!live)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    size_t prefix = strlen(live);
    if (length < (ssize_t)prefix || strncmp(path, live, prefix) != 0)
        return false;
    path[length] = '\0';
    if (path[prefix] != '/' && path[prefix] != '\0')
        return false;
    snprintf(durable, LONG_PATH, "%s/tree%s", platter, path + prefix);
    return true;
}

static int make_durable(int fd, const char *durable)
{
    struct stat is;
    if (fstat(fd, &is) != 0)
        return -1;
    /* Without a name nobody could find it after the cut. */
    if (is.st_nlink == 0)
        return 0;
    int lock = lock_platter();
    int result = lock < 0 ? -1 : S_ISDIR(is.st_mode) ? sync_folder(fd, durable) : sync_file(fd, durable);
    int reason = errno;
    if (lock >= 0)
        close(lock);
    errno = reason;
    return result;
}

int fsync(int fd)
{
    char durable[LONG_PATH];
    return is_live(fd, durable) ? make_durable(fd, durable) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    char durable[LONG_PATH];
    return is_live(fd, durable) ? make_durable(fd, durable) : (int)syscall(SYS_fdatasync, fd);
}

/* A copy: PostgreSQL writes its titles for ps where its environment was. */
static char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? strdup(value) : NULL;
}

__attribute__((constructor)) static void begin(void)
{
    live = variable("CHAOS_LIVE");
    platter = variable("CHAOS_PLATTER");
    if (live && !platter) {
        /* A disaster that silently does not happen would prove nothing. */
        dprintf(STDERR_FILENO, "FATAL: the chaos shim cannot work: CHAOS_LIVE needs CHAOS_PLATTER\n");
        _exit(1);
    }
}
