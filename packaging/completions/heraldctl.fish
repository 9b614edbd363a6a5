# fish completion of heraldctl. What there is to complete, also the names of services, heraldctl itself says.

function __heraldctl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete $words[2..-1] "$current" 2>/dev/null
end

complete -c heraldctl -f -a '(__heraldctl_complete)'
complete -c heraldctl -s c -l config -r -F
complete -c heraldctl -l services-dir -r -F
complete -c heraldctl -l templates -r -F
complete -c heraldctl -l socket -r -F
