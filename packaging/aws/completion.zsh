#compdef carillon-aws aws
# zsh completion for carillon-aws, and for aws where it is the same program.
autoload -Uz bashcompinit && bashcompinit
complete -C /usr/lib/carillon-aws/aws_completer carillon-aws aws
