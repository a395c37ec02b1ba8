# fish completion for carillon-aws.
complete --command carillon-aws --no-files --arguments '(begin; set --local --export COMP_LINE (commandline --cut-at-cursor); /usr/lib/carillon-aws/aws_completer; end)'
