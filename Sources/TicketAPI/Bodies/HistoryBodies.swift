import Digests
import JSONText
import Regulations
import Tickets

struct CommentBody: Body {
    let comment: Comment

    init(_ comment: Comment) { self.comment = comment }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", comment.id)
            json.member("body", comment.body)
            json.member("internal", comment.isInternal)
            json.key("author")
            json.object { json in
                json.member("id", comment.author.id)
                json.member("name", comment.author.name)
            }
            json.member("at", comment.at)
        }
    }
}

/// An event with what is needed to recompute its hash.
struct EventBody: Body {
    let record: EventRecord
    /// The place in the feed, where the ticket is not known from the address; nil: it is.
    private let feedSeq: Int?

    init(_ record: EventRecord) {
        self.record = record
        feedSeq = nil
    }

    init(_ item: FeedRecord) {
        record = item.record
        feedSeq = item.feedSeq
    }

    func write(to json: inout JSONWriter) {
        let event = record.event
        json.object { json in
            if let feedSeq {
                json.member("feed_seq", feedSeq)
                json.member("ticket", event.ticket.description)
            }
            json.member("seq", event.seq)
            json.member("at", event.at)
            json.key("actor")
            json.object { json in
                json.member("id", event.actor.id)
                json.member("name", event.actor.name)
                json.member("role", event.actor.role.rawValue)
            }
            json.member("action", event.action.rawValue)
            json.member("clause", event.clause)
            json.member("from", event.from?.rawValue)
            json.member("to", event.to?.rawValue)
            json.key("changes")
            json.object { json in
                for change in event.changes {
                    json.key(named: change.field)
                    change.write(to: &json)
                }
            }
            json.member("comment_id", event.comment)
            json.key("digests")
            json.array { json in for value in event.digests { write(value, to: &json) } }
            json.member("hash", event.hash)
        }
    }

    private func write(_ value: ValueDigest, to json: inout JSONWriter) {
        let salt =
            switch value.name {
            case "comment": record.commentSalt
            case "description": record.descriptionSalt
            default: record.event.changes.first { $0.field == value.name }?.salt.hex
            }
        json.object { json in
            json.member("name", value.name)
            json.member("sha256", value.digest)
            json.member("salt", salt)
        }
    }
}
