#define _GNU_SOURCE
#include "CLinux.h"
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static _Thread_local void *thread_pointer;

void *clinux_thread_pointer(void) { return thread_pointer; }
void clinux_set_thread_pointer(void *pointer) { thread_pointer = pointer; }

void clinux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

int clinux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }

// Descriptor plus one, so that zero means "nobody watches". Only lock-free atomics may be used in a handler.
static _Atomic int watched[65];

// A self-pipe and not signalfd: signalfd needs the signals blocked, and children would inherit that mask.
static void handle(int signal_number) {
    int saved = errno;
    int descriptor = watched[signal_number] - 1;
    if (descriptor >= 0) {
        unsigned char byte = (unsigned char)signal_number;
        // A full pipe loses nothing: its reader has plenty of the same news ahead.
        ssize_t written = write(descriptor, &byte, 1);
        (void)written;
    }
    errno = saved;
}

static int set(int signal_number, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    return sigaction(signal_number, &action, NULL);
}

int clinux_watch_signal(int signal_number, int descriptor) {
    if (signal_number < 1 || signal_number > 64) {
        errno = EINVAL;
        return -1;
    }
    watched[signal_number] = descriptor + 1;
    if (set(signal_number, handle) != 0) { return -1; }
    // Whoever started the process may have left the signal blocked, and the mask is inherited (sigprocmask(2)).
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, signal_number);
    int fault = pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
    if (fault != 0) {
        errno = fault;
        return -1;
    }
    return 0;
}

int clinux_unwatch_signal(int signal_number) {
    if (signal_number < 1 || signal_number > 64) {
        errno = EINVAL;
        return -1;
    }
    int result = set(signal_number, SIG_DFL);
    watched[signal_number] = 0;
    return result;
}

int clinux_accept(int listener, void *address, unsigned int *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

long clinux_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int many) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(CLINUX_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    if (many < 0 || many > CLINUX_DESCRIPTORS_MAX) {
        errno = EINVAL;
        return -1;
    }
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (many > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(many * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(many * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, many * sizeof(int));
    }
    ssize_t sent;
    do { sent = sendmsg(socket, &message, MSG_NOSIGNAL); } while (sent < 0 && errno == EINTR);
    return sent;
}

long clinux_receive_descriptors(int socket, void *bytes, size_t count, int *descriptors, int *many) {
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(CLINUX_DESCRIPTORS_MAX * sizeof(int))];
    } control;
    struct iovec piece = {.iov_base = bytes, .iov_len = count};
    struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    *many = 0;
    ssize_t received;
    do { received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC); } while (received < 0 && errno == EINTR);
    if (received < 0) { return received; }
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) { continue; }
        int found = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int index = 0; index < found && *many < CLINUX_DESCRIPTORS_MAX; index++) {
            memcpy(descriptors + (*many)++, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
        }
    }
    if (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) {
        while (*many > 0) { close(descriptors[--*many]); }
        errno = EMSGSIZE;
        return -1;
    }
    return received;
}

int clinux_peer(int socket, int *process, unsigned int *user) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) { return -1; }
    *process = credentials.pid;
    *user = credentials.uid;
    return 0;
}

static int give_back(struct dl_phdr_info *info, size_t size, void *context) {
    (void)size;
    (void)context;
    // What the kernel itself maps is no file.
    if (strstr(info->dlpi_name, "vdso") != NULL) { return 0; }
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int index = 0; index < info->dlpi_phnum; index++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[index];
        // Of what may be written, some has been (relocations), and is in no file.
        if (header->p_type != PT_LOAD || (header->p_flags & PF_W) != 0) { continue; }
        uintptr_t start = (info->dlpi_addr + header->p_vaddr + page - 1) / page * page;
        uintptr_t end = (info->dlpi_addr + header->p_vaddr + header->p_memsz) / page * page;
        if (end > start) { madvise((void *)start, end - start, MADV_DONTNEED); }
    }
    return 0;
}

void clinux_give_back_file_pages(void) { dl_iterate_phdr(give_back, NULL); }
