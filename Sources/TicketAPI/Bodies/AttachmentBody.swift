import Digests
import JSONText
import Tickets

struct AttachmentBody: Body {
    let attachment: Attachment

    init(_ attachment: Attachment) { self.attachment = attachment }

    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("id", attachment.id)
            json.member("filename", attachment.filename)
            json.member("media_type", attachment.mediaType)
            json.member("size", attachment.size)
            json.member("sha256", attachment.sha256)
        }
    }
}
