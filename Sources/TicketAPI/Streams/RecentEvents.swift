/// The newest frames of the feed, for those who are only a little behind. Without gaps, since the feed has none.
struct RecentEvents {
    private static let countMax = 1024
    private static let bytesMax = 1_048_576
    /// So much is given at once.
    private static let piece = 65_536

    private var frames: [[UInt8]] = []
    private var bytes = 0
    private var first = 0

    /// `place` follows the one before.
    mutating func append(_ frame: [UInt8], place: Int) {
        if frames.isEmpty { first = place }
        frames.append(frame)
        bytes += frame.count
        guard frames.count > Self.countMax || bytes > Self.bytesMax else { return }
        // The older half at once, so that not every event moves all others.
        var dropped = 0
        while dropped < frames.count, frames.count - dropped > Self.countMax / 2 || bytes > Self.bytesMax / 2 {
            bytes -= frames[dropped].count
            dropped += 1
        }
        frames.removeFirst(dropped)
        first += dropped
    }

    /// What follows a place, some of it if it is much; nil: not all of it is here.
    func frames(after position: Int) -> (frames: [UInt8], last: Int)? {
        // A client may name any place: the sum would not always be a number.
        guard position >= first - 1, position - first < frames.count - 1 else { return nil }
        let start = position - first + 1
        // One event for a thousand listeners is copied by nobody.
        var piece = frames[start]
        var last = start
        while last + 1 < frames.count, piece.count < Self.piece {
            last += 1
            piece += frames[last]
        }
        return (piece, first + last)
    }
}
