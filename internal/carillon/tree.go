package carillon

import "github.com/spf13/cobra"

// tree declares all commands, in the order in which help lists them. Nothing else happens before
// one of them runs.
func (p *program) tree() *cobra.Command {
	cobra.EnableCommandSorting = false
	cobra.MousetrapHelpText = "" // whoever starts a service from Explorer means it

	root := &cobra.Command{
		Use:   "carillon",
		Short: "serve and administer Amazon Chime accounts, users and licenses",
		Long: `Carillon keeps the accounts, users and licenses of the Amazon Chime administration
API. It serves the API, changes many users at once, and does what the API cannot.
Single calls of the API are made by "aws chime".`,
	}
	section := func(title string, commands ...*cobra.Command) {
		root.AddGroup(&cobra.Group{ID: title, Title: title})
		for _, c := range commands {
			c.GroupID = title
		}
		root.AddCommand(commands...)
	}
	section("the service", p.serveCommand(), p.consoleCommand(), p.healthCommand(), p.demoCommand(), p.backupCommand(), p.restoreCommand(), p.scaleCommand())
	section("many users at once", p.bulkCommand(), p.reportCommand())
	section("operator's work on the data of a service", p.accountCommand(), p.domainCommand(), p.userCommand(), p.messageCommand(),
		p.numberCommand(), p.dialOutCommand(), p.keyCommand(), p.auditCommand(), p.importCommand())
	section("a service for tests", p.faultCommand(), p.clockCommand(), p.resetCommand(), p.snapshotCommand())
	help := p.helpCommand()
	section("this program", p.completionCommand(), p.versionCommand(), help)

	everyCommand(root, func(c *cobra.Command) { c.Args = checkOperands })
	root.SetHelpCommand(help)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { pageOf(c).help(p.stdout) })
	root.SetFlagErrorFunc(badFlag)
	root.SilenceErrors, root.SilenceUsage = true, true // Main reports errors, once
	root.PersistentPreRunE = p.begin
	root.CompletionOptions.DisableDefaultCmd = true
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return root
}

// everyCommand gives a command and all below it to fn.
func everyCommand(c *cobra.Command, fn func(*cobra.Command)) {
	fn(c)
	for _, below := range c.Commands() {
		everyCommand(below, fn)
	}
}
