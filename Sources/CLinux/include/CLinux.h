// The parts of Linux that Swift's Glibc module does not show: epoll, eventfd, a thread-local, a signal handler,
// descriptors passed to another process.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/// The pointer that this thread has put here, null at first.
void *clinux_thread_pointer(void);
void clinux_set_thread_pointer(void *pointer);

/// Names the calling thread; at most 15 bytes.
void clinux_name_thread(const char *name);

/// A pipe whose ends do not block and close on exec: 0, or -1 with errno.
int clinux_pipe(int ends[2]);

/// From now on each `signal_number` (1 to 64) writes its number as one byte to `descriptor`, which must not block.
/// Returns 0, or -1 with errno.
int clinux_watch_signal(int signal_number, int descriptor);
/// Gives the signal its default action again.
int clinux_unwatch_signal(int signal_number);

/// An epoll event's token: Swift sees no packed unions.
static inline uint64_t clinux_event_token(const struct epoll_event *event) { return event->data.u64; }
static inline struct epoll_event clinux_event(uint32_t events, uint64_t token) {
    struct epoll_event event;
    event.events = events;
    event.data.u64 = token;
    return event;
}

/// accept4 with a descriptor that does not block and closes on exec; -1 with errno.
int clinux_accept(int listener, void *address, unsigned int *length);

/// One message carries at most so many descriptors (SCM_MAX_FD is 253).
#define CLINUX_DESCRIPTORS_MAX 128
/// Sends one message with descriptors on a Unix socket (SCM_RIGHTS, unix(7)): how many bytes, or -1 with errno.
long clinux_send_descriptors(int socket, const void *bytes, size_t count, const int *descriptors, int many);
/// Receives one message. `descriptors` has room for CLINUX_DESCRIPTORS_MAX, which close on exec; `many` says how many
/// came. Returns how many bytes, 0 at the end, or -1 with errno; EMSGSIZE when it was too long, and then none is open.
long clinux_receive_descriptors(int socket, void *bytes, size_t count, int *descriptors, int *many);
/// Who connected to, or listened on, the other end of a Unix socket: 0, or -1 with errno.
int clinux_peer(int socket, int *process, unsigned int *user);

/// Gives back the memory of what the program and its libraries are read from files and never write: code and constants.
/// What is used again is read again, from the page cache as a rule.
void clinux_give_back_file_pages(void);
