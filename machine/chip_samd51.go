//go:build matrixportal_m4 || metro_m4_airlift || pyportal || wioterminal

package machine

const cpuFrequency = 120 * MHz
