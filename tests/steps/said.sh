# What a log says of what failed, in a few lines. Sourced by tests/run.
said_lines=10

# said NAME LOG - the failed tests of a log and how their messages begin, each line with the suite's name before it.
said() {
  sed 's/\x1b\[[0-9;]*m//g; s/\r$//' "$2" >"$logs/said.log" || return
  {
    said_by_node <"$logs/said.log"
    said_by_libtest <"$logs/said.log"
  } | shortened >"$logs/said.short"
  [ -s "$logs/said.short" ] || said_by_others "$logs/said.log" >"$logs/said.short"
  cut -c 1-200 "$logs/said.short" | sed "s/^/   $1 | /"
  rm -f "$logs/said.log" "$logs/said.short"
}

# said_by_node - of the spec reporter's last part: where a test stands, its name, how its message begins, and where it failed.
said_by_node() {
  awk '
    /failing tests:$/ { inside = 1; next }
    /^[A-Za-z]*Error( \[|:)/ && !inside { loose = $0 }
    !inside { next }
    /^test at / { place = $3; next }
    /^[^ \t]+ .* \([0-9.]+ms\)$/ { print "> " place ": " $0; left = 5; where = 1; next }
    /^ +at / { left = 0 }
    /^ +at .*\.test\.js:[0-9]/ && where { print; where = 0 }
    # A file that could not be read has said so before.
    /^ +.test failed.$/ && loose { print "  " loose; next }
    left > 0 && NF { print; left-- }'
}

# said_by_libtest - the names of the tests that panicked or answered an error, and their words.
said_by_libtest() {
  awk '
    /^---- .* stdout ----$/ { print "> " $2; telling = 0; next }
    /^(failures|stack backtrace):$/ || /^note: / || !NF { telling = 0 }
    /panicked at / || /^Error: / { telling = 1 }
    telling { print }'
}

# shortened - gives every failed test (a line that begins with `> `) its share of the lines; those without room are counted.
shortened() {
  awk -v most="$said_lines" '
    /^> / { name[++tests] = substr($0, 3); next }
    tests { words[tests, ++count[tests]] = $0 }
    END {
      shown = tests <= most ? tests : most - 1
      share = shown ? int(most / shown) : 0
      for (test = 1; test <= shown; test++) {
        print name[test]
        for (line = 1; line < share && line <= count[test]; line++) print "  " words[test, line]
      }
      if (tests > shown) print "and " tests - shown " more"
    }'
}

# said_by_others FILE - the lines that tell of a fault, or else the last ones.
said_by_others() {
  if grep -qE "$said_fault" "$1"; then
    grep -E -A 2 "$said_fault" "$1" | grep -vE '^(--)?$' | head -n "$said_lines"
  else
    grep -v '^$' "$1" | tail -n "$said_lines"
  fi
}
said_fault='^OVER |FAILED|^ *error|^[A-Za-z.]*(Error|Exception)\b|panicked at|^not ok|^Diff in|^ *- .* failed|cases failed'
