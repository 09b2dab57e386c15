/* Runs a program and lets one of its file calls fail (Linux on x86-64, by ptrace: also calls that do not go through
 * the C library are seen).
 *
 *   inject FOLDER CALLS FAULT N REPORT PROGRAM ARGUMENT...
 *
 * CALLS is open, read, write, rename, sync, map, stat, mkdir, size or list; FAULT the number of an error, or 0: then
 * reads and writes do one byte only. The Nth such call on a file below FOLDER, which is the working directory, fails.
 * REPORT gets "1" where there was an Nth call, else "0". The exit code is the program's; 111 where it cannot be traced. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__linux__) || !defined(__x86_64__)
#error "only for Linux on x86-64"
#endif

static const char *folder, *calls;
static int fault, disturbed;
static long wanted, seen;

/* The threads, and what a call that was left out is to answer. */
static struct { pid_t tid; int inside, answers; long answer; } threads[4096];
static int thread_count;

static int thread_of(pid_t tid) {
    for (int i = 0; i < thread_count; i++)
        if (threads[i].tid == tid) return i;
    if (thread_count == 4096) exit(111);
    threads[thread_count].tid = tid;
    return thread_count++;
}

static int is_below(const char *path) {
    size_t length = strlen(folder);
    return path[0] != '/' || (strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0));
}

static int fd_is_below(pid_t tid, int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", tid, fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return path[0] == '/' && is_below(path);
}

static int path_is_below(pid_t tid, unsigned long address) {
    char path[4096] = {0};
    /* Page by page: the text may end before a page that is not there. */
    size_t at = 0;
    while (at < sizeof path - 1) {
        size_t step = 4096 - (address + at) % 4096;
        if (step > sizeof path - 1 - at) step = sizeof path - 1 - at;
        struct iovec to = {path + at, step}, from = {(void *)(address + at), step};
        if (process_vm_readv(tid, &to, 1, &from, 1, 0) <= 0) break;
        if (memchr(path + at, 0, step)) break;
        at += step;
    }
    return path[0] && is_below(path);
}

static int is(const char *name) { return strcmp(calls, name) == 0; }

static int matches(pid_t tid, const struct user_regs_struct *r) {
    switch (r->orig_rax) {
    case SYS_open: case SYS_creat: return is("open") && path_is_below(tid, r->rdi);
    case SYS_openat: return is("open") && path_is_below(tid, r->rsi);
    case SYS_read: case SYS_pread64: case SYS_readv: case SYS_preadv:
        return is("read") && fd_is_below(tid, (int)r->rdi);
    case SYS_write: case SYS_pwrite64: case SYS_writev: case SYS_pwritev: case SYS_copy_file_range: case SYS_sendfile:
        return is("write") && fd_is_below(tid, (int)r->rdi);
    case SYS_rename: case SYS_link: return is("rename") && path_is_below(tid, r->rdi);
    case SYS_renameat: case SYS_renameat2: case SYS_linkat: return is("rename") && path_is_below(tid, r->rsi);
    case SYS_fsync: case SYS_fdatasync: return is("sync") && fd_is_below(tid, (int)r->rdi);
    case SYS_mmap: return is("map") && (int)r->r8 >= 0 && fd_is_below(tid, (int)r->r8);
    case SYS_stat: case SYS_lstat: case SYS_access: return is("stat") && path_is_below(tid, r->rdi);
    case SYS_newfstatat: return is("stat") && path_is_below(tid, r->rsi);
    case SYS_statx: return is("stat") && path_is_below(tid, r->rsi);
    case SYS_mkdir: return is("mkdir") && path_is_below(tid, r->rdi);
    case SYS_mkdirat: return is("mkdir") && path_is_below(tid, r->rsi);
    case SYS_ftruncate: case SYS_fallocate: return is("size") && fd_is_below(tid, (int)r->rdi);
    case SYS_getdents64: return is("list") && fd_is_below(tid, (int)r->rdi);
    default: return 0;
    }
}

static void at_call(pid_t tid) {
    int i = thread_of(tid);
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, tid, 0, &regs) != 0) return;
    if (threads[i].inside) {
        threads[i].inside = 0;
        if (threads[i].answers) {
            threads[i].answers = 0;
            regs.rax = (unsigned long)threads[i].answer;
            ptrace(PTRACE_SETREGS, tid, 0, &regs);
        }
        return;
    }
    threads[i].inside = 1;
    if (disturbed || !matches(tid, &regs) || ++seen != wanted) return;
    disturbed = 1;
    if (fault == 0) {
        if (regs.rdx > 1) regs.rdx = 1;
    } else {
        regs.orig_rax = (unsigned long)-1;
        threads[i].answers = 1;
        threads[i].answer = -fault;
    }
    ptrace(PTRACE_SETREGS, tid, 0, &regs);
}

int main(int count, char **arguments) {
    if (count < 7) return 111;
    folder = arguments[1];
    calls = arguments[2];
    fault = atoi(arguments[3]);
    wanted = atol(arguments[4]);
    pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(111);
        raise(SIGSTOP);
        execv(arguments[6], arguments + 6);
        _exit(111);
    }
    int status, code = 111;
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) return 111;
    ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    ptrace(PTRACE_SYSCALL, child, 0, 0);
    for (;;) {
        pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0) {
            if (errno == EINTR) continue;
            break;
        }
        if (WIFEXITED(status) || WIFSIGNALED(status)) {
            if (tid == child) code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            continue;
        }
        if (!WIFSTOPPED(status)) continue;
        int signal = WSTOPSIG(status), event = status >> 16;
        if (signal == (SIGTRAP | 0x80)) {
            at_call(tid);
            signal = 0;
        } else if (event == PTRACE_EVENT_EXEC) {
            /* The call that started the program ends here as well. */
            signal = 0;
        } else if (event != 0 || signal == SIGSTOP || signal == SIGTRAP) {
            signal = 0;
        }
        ptrace(PTRACE_SYSCALL, tid, 0, signal);
    }
    FILE *report = fopen(arguments[5], "w");
    if (!report) return 111;
    fputs(disturbed ? "1" : "0", report);
    fclose(report);
    return code;
}
