package carillon

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/carillon-project/carillon/internal/directory"
	"github.com/carillon-project/carillon/internal/document"
)

// messageListCommand declares `carillon message list`.
func (p *program) messageListCommand() *cobra.Command {
	var o messageOptions
	c := &cobra.Command{
		Use:   "list",
		Short: "list the messages of a room or a conversation",
		Long: `List the messages of a chat room or a conversation, in the order in which they were
added. A redacted message has no content any more. A hidden one is older than the
retention settings of its account allow: the people in the room or conversation
do not see it, and it will be deleted.

The command works on the data of a service, which may be running.`,
		Example: `carillon message list --account-id Acme --room "$ROOM"`,
		RunE:    func(c *cobra.Command, _ []string) error { return p.listMessages(c.Context(), o) },
	}
	o.flags(p, c, formatTable, formatJSON)
	return c
}

func (p *program) listMessages(ctx context.Context, o messageOptions) error {
	if err := o.check(p); err != nil {
		return err
	}
	return p.onStore(ctx, o.database, func(st openStore) error {
		op := st.operator()
		account, err := findAccount(ctx, op, o.Account)
		if err != nil {
			return err
		}
		columns := []column{{"Sent", "CreatedTimestamp"}, {"Sender", "Sender"}, {"Redacted", "Redacted"}, {"Hidden", "Hidden"},
			{"Id", "MessageId"}, {"Content", "Content"}}
		return p.writeList(o.Format, "", "Messages", columns,
			documents(op.Messages(ctx, account.ID, o.Room, o.Conversation), func(m directory.Message) (*document.Object, error) {
				return directory.MessageDocument(m), nil
			}))
	})
}
