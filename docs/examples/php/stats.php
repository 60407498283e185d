<?php
// Posts the stats of an analysis of two days and lists all threats of the last three months.
// Needs PHP 8 with the curl extension:
//
//     STATS_SERVER=https://stats.example.org STATS_TOKEN=… php stats.php

/** Calls the service, again when it is busy, and returns the decoded answer. */
function call(string $method, string $path, mixed $body = null): array
{
    for ($attempt = 1; ; $attempt++) {
        $retryAfter = null;
        $curl = curl_init(rtrim(getenv('STATS_SERVER'), '/') . '/api/v1' . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_HTTPHEADER => ['X-API-KEY: ' . getenv('STATS_TOKEN'), 'Content-Type: application/json'],
            CURLOPT_POSTFIELDS => json_encode($body, JSON_THROW_ON_ERROR),
            CURLOPT_FOLLOWLOCATION => false, // the key must not go elsewhere
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 60,
            CURLOPT_HEADERFUNCTION => function ($curl, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after:\s*(\d+)/i', $line, $found)) {
                    $retryAfter = (int) $found[1];
                }
                return strlen($line);
            },
        ]);
        $answer = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        $busy = $answer === false || in_array($status, [429, 502, 503, 504], true);
        if ($busy && $attempt < 6) {
            sleep(min($retryAfter ?? 2 ** $attempt, 300));
            continue;
        }
        if ($answer === false) {
            throw new RuntimeException('no answer of the stats service: ' . curl_error($curl));
        }
        if (intdiv($status, 100) !== 2) {
            throw new RuntimeException("the stats service answered $status: $answer");
        }
        return json_decode($answer, true, 512, JSON_THROW_ON_ERROR);
    }
}

// The service recognises a stat that it has already, so that repeating is safe.
call('POST', '/stats/', array_map(fn (int $daysAgo): array => [
    'anr' => '5f0a3c52-5f1c-4cf2-8f3c-0f0c8f3a9d11',
    'type' => 'threat',
    'date' => gmdate('Y-m-d', time() - $daysAgo * 86400),
    'data' => [['uuid' => 'b402d4d8-4576-11e9-9173-0800277f0571', 'label2' => 'Theft',
                'count' => 2, 'maxRisk' => 12, 'averageRate' => '1.5']],
], [0, 1]));

$limit = 5; // small, to show several pages; 500 is a good size
$offset = 0;
do {
    $page = call('GET', '/stats/', ['type' => 'threat', 'offset' => $offset, 'limit' => $limit])['data'];
    foreach ($page as $stat) {
        foreach ($stat['data'] as $threat) {
            echo "$stat[date] $stat[anr] $threat[label2] $threat[count] $threat[averageRate]\n";
        }
    }
    $offset += count($page);
} while (count($page) === $limit);
