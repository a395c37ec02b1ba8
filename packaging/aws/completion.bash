# bash completion for carillon-aws, and for aws where it is the same program.
complete -C /usr/lib/carillon-aws/aws_completer carillon-aws aws
