import Glibc

/// What the process has open, and how much that may be.
enum OpenFiles {
    /// Standard input, output and error are open from here on. To be called before anything else is opened: the system gives
    /// a new file the lowest number that is free, and what is said to the terminal would be written into it.
    static func fillStandardDescriptors() {
        // It gets the lowest that is free, until none of the three is.
        var descriptor: Int32 = 0
        while (0...STDERR_FILENO).contains(descriptor) { descriptor = open("/dev/null", O_RDWR) }
        if descriptor > STDERR_FILENO { close(descriptor) }
    }

    /// Raises the limit as far as it goes without asking anybody; returns what it is then.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return .max }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
