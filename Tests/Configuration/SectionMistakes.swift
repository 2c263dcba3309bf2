@testable import Configuration

/// Mistakes and what is said of them, in the format of `cases(_:)`.
enum SectionMistakes {
  /// In `network:`, from line 6 on.
  static let network = #"""
    >   hostname: a.b
    ! 6:13: error: 'hostname' is 'a.b'; expected 1 to 63 letters, digits and inner hyphens; write

    >   hostname:
    ! 6:12: error: 'hostname' is empty; expected 1 to 63 letters

    >   address: 192.0.2.7
    ! 6:12: error: 'address' is '192.0.2.7'; expected dhcp, or an IPv4 address with its prefix
    ~ length; write for example 192.0.2.7/24

    >   address: 192.0.2.256/24
    ! 6:12: error: 'address' is '192.0.2.256/24'; expected dhcp, or an IPv4 address

    >   address: 192.0.2.7/33
    ! 6:12: error: 'address' is '192.0.2.7/33'; expected dhcp, or an IPv4 address

    >   address: [dhcp]
    ! 6:12: error: 'address' is a list; expected dhcp, or an IPv4 address

    >   address: 192.0.2.7/24
    >   gateway: 192.0.2.1
    >   dns: [192.0.2.1]

    >   address: 192.0.2.7/24
    ! 6:12: warning: a static address without 'dns:'; expected a name server; names of brokers

    >   address: 192.0.2.7/24
    >   gateway: 198.51.100.1
    >   dns: []
    ! 7:12: error: 'gateway' is '198.51.100.1'; expected another address in the network of
    ~ 'address'; correct the one or the other

    >   gateway: 192.0.2.1
    ! 6:12: warning: 'gateway' is given, but the address comes from DHCP; expected a static

    >   gateway: fritz.box
    ! 6:12: error: 'gateway' is 'fritz.box'; expected an IPv4 address; write for example 192.0.2.1

    >   dns: 192.0.2.1
    ! 6:8: error: 'dns' is '192.0.2.1'; expected a list; write it as [192.0.2.1]

    >   dns: [192.0.2.1, a.example]
    ! 6:20: error: this entry of 'dns' is 'a.example'; expected an IPv4 address; write

    >   dns: [192.0.2.1, 192.0.2.1, 192.0.2.1, 192.0.2.1]
    ! 6:42: error: 'dns' has 4 entries; expected at most 3; remove the others

    >   ntp: [pool.ntp.org, 1.2.3]
    ! 6:23: error: this entry of 'ntp' is '1.2.3'; expected a host name or an IPv4 address; write

    >   adress: dhcp
    ! 6:3: error: unknown key 'adress' in 'network'; expected hostname, interface, address, gateway,
    ~ dns, ntp; did you mean 'address'?

    >   wifi: {}
    ! 6:3: error: unknown key 'wifi' in 'network'; expected hostname, interface, address, gateway,
    ~ dns, ntp; remove or rename it
    """#

  /// In `uplink:`, from line 4 on.
  static let uplink = #"""
    >   broker: mqtt://h

    >   broker: mqtts://[2001:db8::1]:8884

    >   version: 5
    ! 4:3: error: 'uplink' has no 'broker:'; expected its URL; write for example 'broker:

    >   broker: http://h
    ! 4:11: error: 'broker' has no scheme that is known; expected mqtt://HOST[:PORT] or
    ~ mqtts://HOST[:PORT]; write for example mqtt://broker.example:1883

    >   broker: mqtt://
    ! 4:11: error: 'broker' has no valid host; expected a host name or an address; write

    >   broker: mqtt://a_b-.c
    ! 4:11: error: 'broker' has no valid host; expected

    >   broker: mqtt://1.2.3.400
    ! 4:11: error: 'broker' has no valid host; expected

    >   broker: mqtt://[::1
    ! 4:11: error: 'broker' has no closing bracket; expected mqtt://[ADDRESS]:PORT; add the ']'

    >   broker: mqtt://h:0
    ! 4:11: error: 'broker' has no valid port; expected a port from 1 to 65535; write for example
    ~ 1883, or leave it out

    >   broker: mqtts://h:65536
    ! 4:11: error: 'broker' has no valid port; expected a port from 1 to 65535; write for example
    ~ 8883, or leave it out

    >   broker: mqtt://h:x
    ! 4:11: error: 'broker' has no valid port; expected

    >   broker: mqtt://h:65535

    >   broker: mqtt://h/a
    ! 4:11: error: 'broker' has a path; expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT]; remove

    >   broker: mqtt://u:hunter2@h
    ! 4:11: error: 'broker' has a user in it; expected mqtt://HOST[:PORT] or mqtts://HOST[:PORT];
    ~ give the user and password as 'user:' and 'password:'

    >   broker: mqtt://h:8883
    ! 4:11: warning: 'broker' uses port 8883, which is the usual one of mqtts://; expected 1883

    >   broker: mqtt://h
    >   version: 4
    ! 5:12: error: 'version' is '4'; expected one of 5, 3.1.1; choose one of them

    >   broker: mqtts://h
    >   password: hunter2
    ! 5:13: error: there is a password but no 'user:'; expected both; add 'user:' or remove it

    >   broker: mqtts://h
    >   user: u
    >   password: hunter2

    >   broker: mqtt://h
    >   user: u
    >   password: hunter2
    ! 6:13: warning: the password is sent in the clear over mqtt://; expected mqtts://; use TLS, or
    ~ a network that you trust

    >   broker: mqtt://127.0.0.1
    >   user: u
    >   password: hunter2

    >   broker: mqtts://h
    >   user: u
    >   password: [hunter2]
    ! 6:13: error: 'password' is not usable; expected 1 to 256 printable characters; put it in

    >   broker: mqtts://h
    >   user: u
    >   password: hunter2
    >   password_file: /nowhere/password
    ! 7:18: warning: '/nowhere/password' cannot be read: No such file or directory; expected the
    ! 7:18: error: 'password_file' stands beside 'password'; expected one of them; remove the other

    >   broker: mqtts://h
    >   user: u
    >   password_file: password
    ! 6:18: error: 'password_file' is 'password'; expected an absolute path; begin it with '/', such
    ~ as /boot/password

    >   broker: mqtt://h
    >   ca: /boot/ca.pem
    >   key: /boot/key.pem
    ! 5:7: error: 'ca' is for TLS, but the broker is mqtt://; expected mqtts://; correct the URL or
    ~ remove 'ca'
    ! 6:8: error: 'key' is for TLS, but the broker is mqtt://; expected mqtts://; correct the URL or
    ~ remove 'key'
    ! 6:8: error: there is a 'key' but no 'certificate:'; expected both; add 'certificate:'

    >   broker: mqtts://h
    >   certificate: /boot/c.pem
    ! 5:16: error: there is a 'certificate' but no 'key:'; expected both; add 'key:'

    >   broker: mqtt://h
    >   topic: a/#/+
    ! 5:10: error: 'topic' is 'a/#/+'; expected a topic without the wildcards # and +; remove them

    >   broker: mqtt://h
    >   topic: $SYS/{devce}
    ! 5:10: error: 'topic' is '$SYS/{devce}'; expected a topic that does not begin with $
    ! 5:10: error: 'topic' has the unknown placeholder '{devce}'; expected {device}, {channel}; did
    ~ you mean '{device}'?

    >   broker: mqtt://h
    >   topic: a/{device
    ! 5:10: error: 'topic' has the unknown placeholder '{device'; expected {device}, {channel}; did

    >   broker: mqtt://h
    >   status_topic: a/{channel}
    ! 5:17: error: 'status_topic' has the unknown placeholder '{channel}'; expected {device}; remove

    >   broker: mqtt://h
    >   topic: ''
    ! 5:10: error: 'topic' is ''; expected an MQTT topic; write for example weir/{device}/status

    >   broker: mqtt://h
    >   window: 0
    ! 5:11: error: 'window' is '0'; expected a whole number from 1 to 1000; choose a value in that

    >   broker: mqtt://h
    >   window: 1001
    ! 5:11: error: 'window' is '1001'; expected a whole number from 1 to 1000; choose a value in

    >   broker: mqtt://h
    >   window: 1e3
    ! 5:11: error: 'window' is '1e3'; expected a whole number from 1 to 1000; write it in digits

    >   broker: mqtt://h
    >   keepalive: 30
    ! 5:14: error: 'keepalive' is '30'; expected a duration with its unit, 5 s to 65535 s; write for
    ~ example 30 s or 30 min

    >   broker: mqtt://h
    >   keepalive: 5500 ms
    ! 5:14: error: 'keepalive' is '5500 ms'; expected whole seconds; round it

    >   broker: mqtt://h
    >   keepalive: 4 s
    ! 5:14: error: 'keepalive' is '4 s'; expected 5 s to 65535 s; choose a duration in that range

    >   broker: mqtt://h
    >   buffer: 1000
    ! 5:11: error: 'buffer' is '1000'; expected a power of two from 256 to 1048576; write 512 or

    >   broker: mqtt://h
    >   buffer: 128
    ! 5:11: error: 'buffer' is '128'; expected a whole number from 256 to 1048576; choose

    >   broker: mqtt://h
    >   buffer: 0x100000

    >   broker: mqtt://h
    >   log: warn
    ! 5:8: error: 'log' is 'warn'; expected one of off, error, warning, notice, info; choose one of

    >   broker: mqtt://h
    >   trace: 2
    ! 5:10: error: 'trace' is '2'; expected one of true, false; choose one of them

    >   broker: mqtt://h
    >   retry_max: 2 d
    ! 5:14: error: 'retry_max' is '2 d'; expected 1 s to 1 d; choose a duration in that range

    >   broker: mqtts://h
    >   expiry_warning: 36 h
    ! 5:19: error: 'expiry_warning' is '36 h'; expected whole days, 1 d to 365 d; round it

    >   broker: mqtts://h
    >   expiry_warning: 14 d
    >   expiry: 1 h
    >   alarm_expiry: 30 d
    >   follow_moves: true

    >   broker: mqtt://h
    >   version: 3.1.1
    >   expiry: 1 h
    ! 6:11: error: 'expiry' is for MQTT 5, but 'version' is 3.1.1; expected 5; correct the version
    ~ or remove 'expiry'

    >   broker: mqtt://h
    >   follow_moves: maybe
    ! 5:17: error: 'follow_moves' is 'maybe'; expected one of true, false; choose one of them

    >   broker: mqtt://h
    >   batch: 64
    >   compression: zstd

    >   broker: mqtt://h
    >   batch: {events: 64, size: 16 kB, age: 500 ms}

    >   broker: mqtt://h
    >   batch: 0
    ! 5:10: error: 'batch' is '0'; expected a whole number from 1 to 1000; choose a value in that

    >   broker: mqtt://h
    >   batch:
    >     events: 1001
    >     size: 65 KiB
    >     age: 2 min
    ! 6:13: error: 'events' is '1001'; expected a whole number from 1 to 1000; choose a value in
    ! 7:11: error: 'size' is '65 KiB'; expected a size from 1 kB to 64 KiB; choose a value in that
    ! 8:10: error: 'age' is '2 min'; expected 0 ns to 1 min; choose a duration in that range

    >   broker: mqtt://h
    >   batch: {size: 16, age: 5}
    ! 5:17: error: 'size' is '16'; expected a size from 1 kB to 64 KiB, with its unit: kB, MB, GB,
    ~ KiB, MiB, GiB; write for example 16 kB
    ! 5:26: error: 'age' is '5'; expected a duration with its unit, 0 ns to 1 min; write for

    >   broker: mqtt://h
    >   batch: {evnts: 16}
    ! 5:11: error: unknown key 'evnts' in 'uplink.batch'; expected events, size, age; did you mean

    >   broker: mqtt://h
    >   compression: gzip
    ! 5:16: error: 'compression' is 'gzip'; expected one of none, zstd; choose one of them

    >   broker: mqtt://h
    >   version: 3.1.1
    >   compression: zstd
    ! 6:16: warning: 'compression' is told in the content type of a message, which MQTT 3.1.1 has
    ~ not; expected 'version: 5'; messages are sent as they are

    >   broker: mqtt://h
    >   brokr: x
    ! 5:3: error: unknown key 'brokr' in 'uplink'; expected broker, version, client
    """#

  /// Whole files.
  static let files = #"""
    > device: d
    > uplink: {broker: mqtt://h}
    ! 1:1: warning: there is neither 'sensors:' nor 'lines:'; expected at least one; nothing is read

    > device: d
    > lines:
    ! 1:1: warning: there is no 'uplink:' section; expected a broker; without one, readings are

    > lines: {}
    > uplink: {broker: mqtt://h}
    ! 1:1: error: there is no 'device:'; expected the gateway's name; write for example

    > device: a b
    > state: var
    > lines: {}
    > uplink: {broker: mqtt://h}
    ! 1:9: error: 'device' is 'a b'; expected 1 to 64 of A-Z a-z 0-9 - _ .; write for example
    ! 2:8: error: 'state' is 'var'; expected an absolute path; begin it with '/', such as

    > device: d
    > lines: {}
    > uplink: {broker: mqtt://h}
    > netwrk: {}
    > device: e
    ! 4:1: error: unknown key 'netwrk'; expected device, board, state, network, journal,
    ~ uplink, supervision, sensors, lines, overload, sensing; did you mean 'network'?
    ! 5:1: error: the key 'device' is here twice (first on line 1); expected it once; remove one

    > - device: d
    ! 1:1: error: the file is a list; expected sections such as 'device:' and 'sensors:'; remove

    > device
    ! 1:1: error: the file is a single value; expected sections such as 'device:' and 'sensors:';

    > device: d
    > uplink: {broker: mqtt://h}
    > lines: {}
    > ---
    > more: 1
    ! 4:1: error: a second document begins here; expected one; remove the '---' and what follows

    > device: d
    > sensors:
    >   a: *b
    > uplink: {broker: mqtt://h}
    ! 3:6: error: no anchor '&b' stands before this alias; expected one; write the value out

    > device: d
    > sensors: &s
    >   a: *s
    ! 3:6: error: the alias '*s' stands inside its own anchor; expected a value; write it out

    > device: !!str d
    ! 1:9: error: tags such as 'tag:yaml.org,2002:str' are not used here; expected a value; remove

    > device: d
    > [a]: b
    ! 2:3: error: this key is a list or a map; expected a word; check the brackets

    > device: "d
    ! 1:9: error: not valid YAML: found unexpected end of stream while scanning a quoted scalar;
    ~ expected a closing quote; add it

    > device: a: b
    ! 1:10: error: not valid YAML: mapping values are not allowed in this context; expected one

    > device: @d
    ! 1:9: error: not valid YAML: found character that cannot start any token while scanning for the
    ~ next token; expected a key or a value; indent with spaces
    """#
}
