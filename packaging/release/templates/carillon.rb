# Formula for Homebrew.
class Carillon < Formula
  desc "Directory service that speaks the Amazon Chime administration API"
  homepage "{{.Homepage}}"
  version "{{.Version}}"
  license "Apache-2.0"

  on_macos do
    on_arm do
      url "{{.Downloads}}/{{(index .Archives "darwin_arm64").Name}}"
      sha256 "{{(index .Archives "darwin_arm64").Sum}}"
    end
    on_intel do
      url "{{.Downloads}}/{{(index .Archives "darwin_amd64").Name}}"
      sha256 "{{(index .Archives "darwin_amd64").Sum}}"
    end
  end
  on_linux do
    on_arm do
      url "{{.Downloads}}/{{(index .Archives "linux_arm64").Name}}"
      sha256 "{{(index .Archives "linux_arm64").Sum}}"
    end
    on_intel do
      url "{{.Downloads}}/{{(index .Archives "linux_amd64").Name}}"
      sha256 "{{(index .Archives "linux_amd64").Sum}}"
    end
  end

  def install
    bin.install "carillon"
    # The formula awscli has bin/aws.
    libexec.install "aws"
    libexec.install_symlink libexec/"aws" => "aws_completer"
    bin.install_symlink libexec/"aws" => "carillon-aws"
    prefix.install Dir["LICENSES-*.txt"]
    man1.install Dir["share/man/man1/*"]
    bash_completion.install "share/bash-completion/completions/carillon"
    zsh_completion.install "share/zsh/site-functions/_carillon"
    fish_completion.install "share/fish/vendor_completions.d/carillon.fish"
  end

  def caveats
    <<~EOS
      The drop-in for aws chime is carillon-aws. To have it as aws:
        export PATH="#{opt_libexec}:$PATH"
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/carillon version")
  end
end
